/** A burst, and what is known of it so far. */
import type { Found } from "./align/motion.js";
import type { Frame } from "./frame.js";
import type { Matrix } from "./numbers.js";
import type { Light } from "./photometry/light.js";
import type { Stages } from "./stages/stages.js";

export interface Burst {
  readonly stages: Stages;
  readonly frames: readonly Frame[];
  /** Noise of luma that is seen in each frame alone. */
  readonly alone: readonly number[];
  /** Sharpness of each frame. */
  readonly scores: readonly number[];
  readonly reference: number;
  /** By frame but the reference, how it lies on it. */
  readonly found: ReadonlyMap<number, Found>;
  /** By frame, where its light differs. */
  readonly lights: ReadonlyMap<number, Light>;
}

/** Motions of the frames that may contribute, in the order of the burst. */
export function matricesOf(burst: Burst): ReadonlyMap<number, Matrix> {
  const accepted = [...burst.found].filter(([, found]) => found.reason === "");
  return new Map(accepted.map(([index, found]) => [index, found.matrix]));
}

/** Frames that show more than nothing, as a black one does not. */
export function shownIn(burst: Burst): ReadonlySet<number> {
  const share = burst.stages.table("burst.reference.choice").LEAST_SHOWN;
  const least = share * Math.max(...burst.scores);
  const indices = burst.scores.map((_, index) => index);
  return new Set(indices.filter((index) => burst.scores[index] >= least));
}

/** The frame of a set with the largest score, the first of equals. */
export function sharpestOf(scores: readonly number[], indices: readonly number[]): number {
  return indices.reduce((best, index) => (scores[index] > scores[best] ? index : best), indices[0]);
}
