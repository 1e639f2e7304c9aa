"""Stage ``align``: the motion of every frame against the reference, and the burst's noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

import torch

from edge_sdk.burst.frames.luma import luma_of
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.frames.threads import Spread, spreading_frames
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.noise.gauge import measure_noise
from edge_sdk.burst.reference.choice import ReferenceChoice
from edge_sdk.burst.reference.scoring import score
from edge_sdk.burst.stages.frame_stages import FrameStages
from edge_sdk.imaging.color import LUMA_NOISE
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.progress import Progress, silent
from edge_sdk.registration import MotionField, Registrar, Registration, RegistrationConfig


@dataclass(frozen=True, eq=False)
class Aligning:
    """How frames are aligned.

    Attributes:
        config: settings of the registration.
        noise: noise of a frame; ``None`` to measure it between aligned frames.
        report: called for each frame.
        stages: what computes on their pixels.
    """

    config: RegistrationConfig = field(default_factory=RegistrationConfig)
    noise: Noise | None = None
    report: Progress = silent
    stages: FrameStages = field(default_factory=FrameStages)


OTHER_REFERENCES = 2
"""Frames that are tried as the reference where most do not match the sharpest."""
COPY = "is a copy of "
"""How the reason of a frame begins that another one holds already."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """How the frames lie on the reference.

    Attributes:
        registrations: by frame, for all but the reference.
        motions: by frame, for those that may contribute.
        gauge: measures the noise between the reference and frames of these motions.
    """

    registrations: dict[int, Registration]
    motions: dict[int, MotionField]
    gauge: Callable[[Mapping[int, MotionField]], Noise]

    @cached_property
    def noise(self) -> Noise:
        """Noise of a frame, given, or measured when it is first asked for."""
        return self.gauge(self.motions)

    @property
    def matching(self) -> list[int]:
        """Frames that show what the reference shows, its copies included."""
        return [
            index
            for index, found in self.registrations.items()
            if found.accepted or found.reason.startswith(COPY)
        ]

    @property
    def copies(self) -> dict[int, str]:
        """Frames that another one holds already, each with the reason for people."""
        return {
            index: found.reason
            for index, found in self.registrations.items()
            if found.reason.startswith(COPY)
        }

    def without(self, reasons: Mapping[int, str]) -> Aligned:
        """The same with some of the frames left out that may contribute, each for its reason."""
        registrations = {
            index: replace(found, accepted=False, reason=reasons[index])
            if found.accepted and index in reasons
            else found
            for index, found in self.registrations.items()
        }
        motions = {index: field for index, field in self.motions.items() if index not in reasons}
        return replace(self, registrations=registrations, motions=motions)


def align_most(
    source: FrameSource, choice: ReferenceChoice, how: Aligning
) -> tuple[ReferenceChoice, Aligned]:
    """Align to the reference, or to another where the sharpest shows another scene.

    Where less than half of the others match the sharpest frame, the sharpest of those that do not
    is tried, up to ``OTHER_REFERENCES`` times, and the reference that most frames match is taken. A
    reference that the caller named stays; frames that show nothing do not count.

    Args:
        source: the frames.
        choice: the reference first tried.
        how: as in :func:`align`.

    Returns:
        The choice made, and how the frames lie on it.
    """
    best = choice, align(source, choice, how)
    if choice.forced:
        return best
    shown = {index for index in range(source.count) if choice.shows(index)}
    left = shown - {choice.index, *best[1].matching}
    for _ in range(OTHER_REFERENCES):
        if 2 * len(shown.intersection(best[1].matching)) >= len(shown) - 1 or not left:
            break
        index = max(left, key=lambda frame: choice.scores[frame])
        other = replace(choice, index=index)
        aligned = align(source, other, how)
        left -= {index, *aligned.matching}
        if len(shown.intersection(aligned.matching)) > len(shown.intersection(best[1].matching)):
            best = other, aligned
    return best


def align_whole(
    source: FrameSource, how: Aligning, forced: int | None = None
) -> tuple[ReferenceChoice, Aligned]:
    """Choose the reference by whole frames, and align as :func:`align_most` does.

    Args:
        source: the frames.
        how: as in :func:`align`.
        forced: 0-based reference, instead of the sharpest.

    Raises:
        InputError: if ``forced`` is not the index of a frame.
    """
    region = Rectangle(left=0, top=0, width=source.width, height=source.height)
    choice = score(source, region, forced, how.report, how.stages)
    return align_most(source, choice, how)


def align(
    source: FrameSource,
    choice: ReferenceChoice,
    how: Aligning,
    shares: Mapping[int, float] | None = None,
) -> Aligned:
    """Align every frame to the reference; several frames at a time where they are small.

    Args:
        source: the frames.
        choice: the reference, and the noise seen in each frame.
        how: settings, and what computes.
        shares: by frame, :attr:`~edge_sdk.burst.photometry.light.Light.noise_share`, where its
            light was another.
    """
    with spreading_frames(source.height * source.width) as spread:
        return _aligned(source, choice, how, shares, spread)


def _aligned(
    source: FrameSource,
    choice: ReferenceChoice,
    how: Aligning,
    shares: Mapping[int, float] | None,
    spread: Spread,
) -> Aligned:
    single_frame_std = choice.noise_std[choice.index]
    noise = how.noise
    assumed_std = single_frame_std if noise is None else noise.typical_std * LUMA_NOISE
    reference = luma_of(source, choice.index)
    registrar = Registrar(reference, how.config, assumed_std, how.stages.align)
    # A black burst consists of copies too, and nothing is lost by merging it.
    textured = bool((reference != reference.flatten()[0]).any())
    digests: dict[int, bytes] = {}

    def registered(index: int) -> Registration:
        luma = luma_of(source, index)
        found = registrar.register(luma[None])[0]
        if textured and torch.equal(luma, reference):
            return _copied(found, "the reference")
        digests[index] = blake2b(luma.numpy().tobytes()).digest()
        return found

    others = [index for index in range(source.count) if index != choice.index]
    registrations: dict[int, Registration] = {}
    for index, found in zip(others, spread(registered, others), strict=True):
        registrations[index] = found
        how.report("align", len(registrations), source.count)
    how.report("align", source.count, source.count)
    first: dict[bytes, int] = {}
    for index in sorted(digests) if textured else ():
        original = first.setdefault(digests[index], index)
        if original != index and registrations[index].accepted:
            registrations[index] = _copied(registrations[index], f"frame {original}")
    motions = {index: found.field for index, found in registrations.items() if found.accepted}

    def gauge(motions: Mapping[int, MotionField]) -> Noise:
        if noise is not None:
            return noise
        alone = single_frame_std / LUMA_NOISE
        return measure_noise(source, choice.index, motions, alone, shares)

    return Aligned(registrations, motions, gauge)


def _copied(found: Registration, original: str) -> Registration:
    return replace(found, accepted=False, reason=f"{COPY}{original} and adds nothing")
