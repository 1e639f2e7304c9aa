"""The constants of the driver, which a bundle hands over so that no driver copies them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module

CONSTANTS: dict[str, tuple[str, ...]] = {
    "burst.driver.stage_set": ("TILE_PX", "DECODED_PX", "LEARNED_STD"),
    "burst.stages.encode": ("HALO_PX", "MAX_OFFSET_PX"),
    "burst.driver.tiles": ("LATTICE_PX", "RIGID_LATTICE_PX", "SHIFT_STEPS"),
    "burst.driver.align": ("OTHER_REFERENCES",),
    "registration.repetition.self_similarity": (
        "TILE_PX",
        "TILES",
        "REACH_PX",
        "ALIKE",
        "PROMINENCE",
        "MAX_PERIODS",
    ),
    "registration.repetition.block_samples": ("CAP", "ERRORS", "MISFIT_STD"),
    "registration.repetition.repetition": (
        "LEAST_EVIDENCE",
        "AGREED",
        "FITTING",
        "DRIFT_PX",
        "TOGETHER_PX",
        "SAME_PX",
    ),
    "burst.stages.decode": ("OWN_HALO_PX",),
    "burst.pipeline": ("SMALLEST_FRAME_PX", "MIN_SHARE"),
    "burst.driver.contributions": ("MAP_PX",),
    "burst.driver.summing": ("FRAMES_AT_ONCE",),
    "burst.stages.score": ("BLOCK_PX", "HALO_PX"),
    "burst.reference.gradient_energy": ("SMALLEST_LEVEL_PX", "QUIET_SHARE", "QUIET_BIAS", "FLAT"),
    "burst.reference.noise": ("BLOCK_PX", "QUIET_SHARE", "QUIET_BIAS", "UNCHANGED"),
    "burst.reference.lost_parts": ("MOTION_BLOCKS", "LEAST_LOST_BLOCKS", "BORDER_PX"),
    "burst.photometry.light": (
        "WAVES",
        "MEAN_PX",
        "SPACING_PX",
        "MOST_PLACES",
        "TUKEY",
        "ERRORS",
        "LEAST_PLACES",
        "TOE",
        "DARKEST",
        "BRIGHTEST",
        "ROUNDING",
        "SLOPE_SHARE",
        "MAD_TO_STD",
        "ITERATIONS",
        "RIDGE",
        "LEAST_CHANGE",
    ),
    "burst.photometry.evened": ("CLIPPED",),
    "burst.photometry.exposure": (
        "MOST_STOPS",
        "STOPS_ERROR",
        "CURVE_POWER",
        "QUANTILES",
        "LEAST_QUANTILES",
        "SPACING_PX",
        "BLACK",
    ),
    "burst.frames.hot_pixels": (
        "MIN_FRAMES",
        "MIN_MOTION_PX",
        "STEADY_SHARE",
        "NOISE_FACTOR",
        "MIN_EXCESS",
    ),
    "burst.reference.choice": ("BLURRY_SHARE", "LEAST_SHOWN"),
    "burst.stages.blend": ("HALO_PX", "SMALLEST_WEIGHT", "NOISE_GAIN"),
    "burst.driver.network_choice": (
        "MANY_FRAMES",
        "MANY_FRAMES_STD",
        "THIRDS_STD",
        "FEW_FRAMES_STD",
    ),
    "burst.stages.blur": ("DEFAULT_LENS_PX", "MAX_LENS_PX"),
    "burst.lens.halves": ("TILE_PX", "PLACES", "LEAST_TRUST", "SCALE"),
    "burst.lens.spectrum": ("BLOCK_PX", "RINGS"),
    "burst.lens.estimate": (
        "FIRST_RING",
        "MEAN_LOG_POWER",
        "RING_STD",
        "SLOPE_STD",
        "BEND_STD",
        "DISTRUST",
        "LEAST_COMMON",
        "LEAST_RINGS",
        "MOST_MISFIT",
        "MOST_SLOPE",
        "MOST_SPREAD_PX",
        "STEPS",
    ),
    "burst.noise.tiles": (
        "TILE_PX",
        "MARGIN_PX",
        "MAX_TILES",
        "COPY_SHARE",
        "COPY_QUANTILE",
        "MAX_FRAMES",
        "DARKEST",
        "BRIGHTEST",
        "SAME",
        "AT_REST",
    ),
    "burst.noise.gauge": (
        "LEAST_TILES",
        "CALM_SHARE",
        "QUIET_SHARE",
        "QUIET_BIAS",
        "ITERATIONS",
        "LEAST_DEVIATION",
        "TIE",
        "EVEN_TEXTURE",
        "MAX_STD",
        "MAX_SMOOTHING",
    ),
    "burst.stages.noise_map": ("LEVELS", "LUMA_SHARES"),
    "burst.preparing": ("MARGIN_PX", "LEAST_PX", "MOST_SHARE", "NEEDED_PX"),
    "burst.effective_frames": ("SQUARE_PX", "LOW_SHARE"),
    "burst.gain": ("LEAST_EFFECTIVE", "MANY_FRAMES", "LEAST_SHARE"),
    "burst.converted.running": ("NOISE_TOLERANCE",),
    "burst.converted.packed": ("LENS_COLUMN",),
    "burst.frames.threads": ("MAX_THREADS", "MAX_PIXELS"),
    "imaging.color": ("LUMA_NOISE",),
    "registration.stages.levels": (
        "SMOOTH_PX",
        "HALVING_PX",
        "SURROUNDINGS_PX",
        "SMOOTH_HALO_PX",
        "HALVE_HALO_PX",
        "SURROUND_HALO_PX",
    ),
    "registration.stages.expand": ("HALO_PX", "REACH_PX", "SCALE"),
    "registration.stages.search": ("COMPRESSION",),
    "registration.stages.align": ("BLOCK_POINTS", "CONTRAST_PX", "TUKEY"),
    "registration.alignment.levels": ("COARSEST_PX",),
    "registration.alignment.points": ("MARGIN_PX", "BLOCK_CELLS", "GOLDEN"),
    "registration.alignment.stretch": ("CONTRAST", "MOST"),
    "registration.alignment.peaks": (
        "FLAT",
        "NOTHING",
        "LEAST_OVERLAP",
        "PEAKS",
        "OTHER_PEAK",
        "LEAST_PEAK",
        "TIE",
    ),
    "registration.alignment.equations": (
        "LEAST_SHARE",
        "LEAST_SPREAD",
        "FITS_LEAST",
        "FITS_FULLY",
        "DAMPING",
    ),
    "registration.alignment.refining": (
        "FIRST_SPREAD",
        "MIN_GAIN",
        "LONGEST_STEP_PX",
        "NO_OUTLIERS",
        "SERIES",
    ),
    "registration.alignment.rivals": (
        "SHOWN",
        "CHANCE",
        "EVIDENCE",
        "AGREED",
        "BETTER",
        "APART_PX",
    ),
    "registration.alignment.global_motion": (
        "FINE_POINTS",
        "COARSE_POINTS",
        "STEPS",
        "COARSE_TOLERANCE_PX",
        "TOLERANCE_PX",
        "JUDGED_BLOCKS",
        "BELIEVED",
        "WORSE",
        "WORSE_STILL",
    ),
    "registration.registrar": ("SEARCHED_SHARE",),
    "registration.verdict": ("BEYOND_PX", "QUANTIZATION", "NOISE_MARGIN"),
}
"""By module below ``edge_sdk``; docs/reference/driver.md says what each is, in this order."""


MOST_FACTOR = 4
"""How many times a constant of a bundle may be the SDK's, or the SDK's it."""


def driver_constants() -> dict[str, float | list[float]]:
    """All constants by name, such as ``burst.driver.tiles.LATTICE_PX``.

    Example:
        >>> from edge_sdk.bundle.driver_constants import driver_constants
        >>> driver_constants()["burst.driver.tiles.LATTICE_PX"]
        4
    """
    found: dict[str, float | list[float]] = {}
    for name, constants in CONSTANTS.items():
        module = import_module(f"edge_sdk.{name}")
        for constant in constants:
            value = getattr(module, constant)
            found[f"{name}.{constant}"] = list(value) if isinstance(value, tuple) else value
    return found


def misfit(constants: Mapping[str, object]) -> str:
    """The first constant that is missing, or so far from the SDK's that no driver may take it.

    Each is a finite number, or as many of them as in the SDK; whole where the SDK's, or all of
    several, are; at least a quarter and at most four times it, so that 0 stays 0; and at most 1
    where the SDK's is below 1, in absolute values. So a driver ends, and takes no more memory than
    the contract lets it.

    Args:
        constants: by name; those that the SDK does not know are not looked at.

    Returns:
        Its name; empty for none.

    Example:
        >>> from edge_sdk.bundle.driver_constants import driver_constants, misfit
        >>> misfit({**driver_constants(), "burst.driver.tiles.LATTICE_PX": 0})
        'burst.driver.tiles.LATTICE_PX'
    """
    for name, known in driver_constants().items():
        found = constants.get(name)
        if isinstance(known, list):
            several = found if isinstance(found, list) else []
            whole = all(float(each).is_integer() for each in known)
            near = (_fits(one, own, whole) for one, own in zip(several, known, strict=False))
            fits = len(several) == len(known) and all(near)
        else:
            fits = _fits(found, known, float(known).is_integer())
        if not fits:
            return name
    return ""


def _fits(found: object, known: float, whole: bool) -> bool:
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return False
    if known == 0 or found == 0:
        return found == known
    most = MOST_FACTOR * abs(known) if abs(known) >= 1 else min(MOST_FACTOR * abs(known), 1.0)
    fits_kind = float(found).is_integer() or not whole
    return fits_kind and found * known > 0 and abs(known) / MOST_FACTOR <= abs(found) <= most
