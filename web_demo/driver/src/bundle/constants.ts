/** The constants of the driver: which there are, by module; a bundle hands over their values. */

/** By module of the contract, the names of its constants. */
export const CONSTANTS = {
  "burst.driver.stage_set": ["TILE_PX", "DECODED_PX", "LEARNED_STD"],
  "burst.stages.encode": ["HALO_PX", "MAX_OFFSET_PX"],
  "burst.driver.tiles": ["LATTICE_PX", "RIGID_LATTICE_PX", "SHIFT_STEPS"],
  "burst.driver.align": ["OTHER_REFERENCES"],
  "registration.repetition.self_similarity": [
    "TILE_PX",
    "TILES",
    "REACH_PX",
    "ALIKE",
    "PROMINENCE",
    "MAX_PERIODS",
  ],
  "registration.repetition.block_samples": ["CAP", "ERRORS", "MISFIT_STD"],
  "registration.repetition.repetition": [
    "LEAST_EVIDENCE",
    "AGREED",
    "FITTING",
    "DRIFT_PX",
    "TOGETHER_PX",
    "SAME_PX",
  ],
  "burst.stages.decode": ["OWN_HALO_PX"],
  "burst.pipeline": ["SMALLEST_FRAME_PX", "MIN_SHARE"],
  "burst.driver.contributions": ["MAP_PX"],
  "burst.driver.summing": ["FRAMES_AT_ONCE"],
  "burst.stages.score": ["BLOCK_PX", "HALO_PX"],
  "burst.reference.gradient_energy": ["SMALLEST_LEVEL_PX", "QUIET_SHARE", "QUIET_BIAS", "FLAT"],
  "burst.reference.noise": ["BLOCK_PX", "QUIET_SHARE", "QUIET_BIAS", "UNCHANGED"],
  "burst.reference.lost_parts": ["MOTION_BLOCKS", "LEAST_LOST_BLOCKS", "BORDER_PX"],
  "burst.photometry.light": [
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
  ],
  "burst.photometry.evened": ["CLIPPED"],
  "burst.photometry.exposure": [
    "MOST_STOPS",
    "STOPS_ERROR",
    "CURVE_POWER",
    "QUANTILES",
    "LEAST_QUANTILES",
    "SPACING_PX",
    "BLACK",
  ],
  "burst.frames.hot_pixels": [
    "MIN_FRAMES",
    "MIN_MOTION_PX",
    "STEADY_SHARE",
    "NOISE_FACTOR",
    "MIN_EXCESS",
  ],
  "burst.reference.choice": ["BLURRY_SHARE", "LEAST_SHOWN"],
  "burst.stages.blend": ["HALO_PX", "SMALLEST_WEIGHT", "NOISE_GAIN"],
  "burst.driver.network_choice": ["MANY_FRAMES", "MANY_FRAMES_STD", "THIRDS_STD", "FEW_FRAMES_STD"],
  "burst.stages.blur": ["DEFAULT_LENS_PX", "MAX_LENS_PX"],
  "burst.lens.halves": ["TILE_PX", "PLACES", "LEAST_TRUST", "SCALE"],
  "burst.lens.spectrum": ["BLOCK_PX", "RINGS"],
  "burst.lens.estimate": [
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
  ],
  "burst.noise.tiles": [
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
  ],
  "burst.noise.gauge": [
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
  ],
  "burst.stages.noise_map": ["LEVELS", "LUMA_SHARES"],
  "burst.preparing": ["MARGIN_PX", "LEAST_PX", "MOST_SHARE", "NEEDED_PX"],
  "burst.effective_frames": ["SQUARE_PX", "LOW_SHARE"],
  "burst.gain": ["LEAST_EFFECTIVE", "MANY_FRAMES", "LEAST_SHARE"],
  "burst.converted.running": ["NOISE_TOLERANCE"],
  "burst.converted.packed": ["LENS_COLUMN"],
  "burst.frames.threads": ["MAX_THREADS", "MAX_PIXELS"],
  "imaging.color": ["LUMA_NOISE"],
  "registration.stages.levels": [
    "SMOOTH_PX",
    "HALVING_PX",
    "SURROUNDINGS_PX",
    "SMOOTH_HALO_PX",
    "HALVE_HALO_PX",
    "SURROUND_HALO_PX",
  ],
  "registration.stages.expand": ["HALO_PX", "REACH_PX", "SCALE"],
  "registration.stages.search": ["COMPRESSION"],
  "registration.stages.align": ["BLOCK_POINTS", "CONTRAST_PX", "TUKEY"],
  "registration.alignment.levels": ["COARSEST_PX"],
  "registration.alignment.points": ["MARGIN_PX", "BLOCK_CELLS", "GOLDEN"],
  "registration.alignment.stretch": ["CONTRAST", "MOST"],
  "registration.alignment.peaks": [
    "FLAT",
    "NOTHING",
    "LEAST_OVERLAP",
    "PEAKS",
    "OTHER_PEAK",
    "LEAST_PEAK",
    "TIE",
  ],
  "registration.alignment.equations": [
    "LEAST_SHARE",
    "LEAST_SPREAD",
    "FITS_LEAST",
    "FITS_FULLY",
    "DAMPING",
  ],
  "registration.alignment.refining": [
    "FIRST_SPREAD",
    "MIN_GAIN",
    "LONGEST_STEP_PX",
    "NO_OUTLIERS",
    "SERIES",
  ],
  "registration.alignment.rivals": ["SHOWN", "CHANCE", "EVIDENCE", "AGREED", "BETTER", "APART_PX"],
  "registration.alignment.global_motion": [
    "FINE_POINTS",
    "COARSE_POINTS",
    "STEPS",
    "COARSE_TOLERANCE_PX",
    "TOLERANCE_PX",
    "JUDGED_BLOCKS",
    "BELIEVED",
    "WORSE",
    "WORSE_STILL",
  ],
  "registration.registrar": ["SEARCHED_SHARE"],
  "registration.verdict": ["BEYOND_PX", "QUANTIZATION", "NOISE_MARGIN"],
} as const;

export type Module = keyof typeof CONSTANTS;
/** Constants that are lists. */
export type List =
  | "burst.reference.gradient_energy.QUIET_BIAS"
  | "burst.lens.estimate.MEAN_LOG_POWER"
  | "burst.noise.gauge.QUIET_BIAS"
  | "burst.stages.noise_map.LEVELS"
  | "burst.stages.noise_map.LUMA_SHARES";
type NameOf<M extends Module> = (typeof CONSTANTS)[M][number];
/** The numbers of one module. */
export type Table<M extends Module> = {
  readonly [N in NameOf<M> as `${M}.${N}` extends List ? never : N]: number;
};

/** All names, such as `burst.driver.tiles.LATTICE_PX`. */
export function constantNames(): readonly string[] {
  return Object.entries(CONSTANTS).flatMap(([module, names]) =>
    names.map((name) => `${module}.${name}`),
  );
}
