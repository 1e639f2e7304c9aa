/** How a frame lies on the reference: Gauss–Newton from level to level, and whether to trust it. */
import type { Plane } from "../frame.js";
import { identity, inverse, type Matrix, movedX, movedY, product } from "../numbers.js";
import type { Stages } from "../stages/stages.js";
import {
  channel,
  fitsOf,
  type Level,
  type Motion,
  type Sums,
  solvedStep,
  spreadOf,
  squaresOf,
  sumsOf,
} from "./equations.js";
import { levelsOf, type Reference, wholeShifts } from "./reference.js";
import { stretched } from "./stretch.js";

/** Share of the reference that a frame must show, and correlation² times its root. */
const LEAST = 0.25;
/** Corners of a picture, in its sides. */
export const SIDES: readonly (readonly [x: number, y: number])[] = [
  [-0.5, -0.5],
  [0.5, -0.5],
  [-0.5, 0.5],
  [0.5, 0.5],
];

/** A frame's motion, and why it is left out, if it is. */
export interface Found {
  readonly matrix: Matrix;
  readonly overlap: number;
  readonly explained: number;
  readonly reason: string;
}

/** Aligns a frame by its luma, on which a frame's noise is `noiseStd`. */
export async function aligned(
  stages: Stages,
  reference: Reference,
  luma: Plane,
  noiseStd: number,
): Promise<Found> {
  const frames = (await levelsOf(stages, luma)).slice(reference.larger.length);
  const levels = reference.points.map((points, index) => ({
    stages,
    points,
    frame: stretched(frames[index], reference.stretch),
  }));
  const shifts = await wholeShifts(stages, reference, frames[frames.length - 1]);
  let motions = await firstMotions(levels[levels.length - 1], shifts);
  for (let index = levels.length - 1; index >= 0; index--) {
    const level = levels[index];
    const isCoarsest = index === levels.length - 1;
    if (!isCoarsest) {
      motions = motions.map((each) => ({ ...each, matrix: finer(each.matrix, level.points) }));
    }
    const refinedMotions: Motion[] = [];
    for (const each of motions) refinedMotions.push(await refined(level, each, index === 0));
    motions = refinedMotions;
    if (!isCoarsest || index === 0) motions = await settled(level, motions);
  }
  const judge = { ...levels[0], points: reference.judged };
  const [own, ...others] = await judgedAll(judge, motions);
  let matrix = motions[0].matrix;
  for (const size of [...reference.larger].reverse()) matrix = finer(matrix, size);
  const depth = matrix[8];
  const found = { ...own, matrix: matrix.map((value) => value / depth), reason: "" };
  const reason = reasonOf(stages, reference, found, others);
  if (reason && rests(stages, reference, frames[0], noiseStd)) {
    return { matrix: identity(), overlap: 1, explained: own.explained, reason: "" };
  }
  return { ...found, reason };
}

/** Motions by whole shifts on the coarsest level, with the spread that is left before any step. */
async function firstMotions(
  level: Level,
  shifts: readonly { readonly x: number; readonly y: number }[],
): Promise<readonly Motion[]> {
  const first = level.stages.table("registration.alignment.refining").FIRST_SPREAD;
  const motions: Motion[] = [];
  for (const { x, y } of shifts) {
    const matrix = Float64Array.of(1, 0, x, 0, 1, y, 0, 0, 1);
    const start = { matrix, gain: 1, offset: 0, spread: first, stepPx: Number.POSITIVE_INFINITY };
    const spread = spreadOf(level, await sumsOf(level, start), first);
    motions.push({ ...start, spread });
  }
  return motions;
}

interface Size {
  readonly height: number;
  readonly width: number;
}

/** A motion on half a level, of that on the level. */
function finer(matrix: Matrix, { height, width }: Size): Matrix {
  const x = -0.5 * (width % 2);
  const y = -0.5 * (height % 2);
  const scaling = Float64Array.of(2, 0, x, 0, 2, y, 0, 0, 1);
  return product(product(scaling, matrix), inverse(scaling));
}

/** Up to so many steps, fewer once they are small. */
async function refined(level: Level, motion: Motion, isFinest: boolean): Promise<Motion> {
  const table = level.stages.table("registration.alignment.global_motion");
  const tolerancePx = isFinest ? table.TOLERANCE_PX : table.COARSE_TOLERANCE_PX;
  let at = motion;
  for (let step = 0; step < table.STEPS; step++) {
    at = stepped(level, await sumsOf(level, at), at);
    if (at.stepPx < tolerancePx) break;
  }
  return at;
}

/** One step of Gauss–Newton; its unknowns are shifts along x and y and a turn, at the radius. */
function stepped(level: Level, sums: Sums, at: Motion): Motion {
  const table = level.stages.table("registration.alignment.refining");
  const { height, width, middleX, middleY } = level.points;
  const radius = Math.max(height, width) / 2;
  const places = {
    x: middleX.map((x) => x / radius),
    y: middleY.map((y) => y / radius),
  };
  const { motion, gain, offset } = solvedStep(level, sums, places);
  const moves = at.gain > table.MIN_GAIN && motion.every(Number.isFinite);
  const step = moves ? motion.map((value) => value / at.gain) : new Float64Array(3);
  let stepPx = 0;
  for (const [sideX, sideY] of SIDES) {
    const [x, y] = [(sideX * width) / radius, (sideY * height) / radius];
    stepPx = Math.max(stepPx, Math.hypot(step[0] - step[2] * y, step[1] + step[2] * x));
  }
  // The step moves the reference; the frame's motion takes its inverse.
  const shortened = table.LONGEST_STEP_PX / Math.max(stepPx, table.LONGEST_STEP_PX);
  const back = turned(
    step.map((value) => -value * shortened),
    radius,
    table.SERIES,
  );
  return {
    matrix: product(at.matrix, back),
    gain: at.gain + gain,
    offset: at.offset + offset,
    spread: spreadOf(level, sums, at.spread),
    stepPx,
  };
}

/** exp(Σ d_k G_k) of shifts and a turn in pixels at the radius. */
function turned(step: Float64Array, radius: number, terms: number): Matrix {
  const [x, y, turn] = step.map((value) => value / radius);
  const small = Float64Array.of(0, -turn, x, turn, 0, y, 0, 0, 0);
  let term = identity();
  const total = identity();
  for (let order = 1; order <= terms; order++) {
    term = product(term, small).map((value) => value / order);
    for (let at = 0; at < 9; at++) total[at] += term[at];
  }
  total[2] *= radius;
  total[5] *= radius;
  return total;
}

/** The best of several motions of a frame, first, and those that it does not beat. */
async function settled(level: Level, motions: readonly Motion[]): Promise<readonly Motion[]> {
  if (motions.length === 1) return motions;
  const table = level.stages.table("registration.alignment.rivals");
  const { height, width } = level.points;
  const least = motions.reduce((spread, each) => Math.min(spread, each.spread), Infinity);
  const misfits: Float64Array[] = [];
  const costs: number[] = [];
  for (const each of motions) {
    const sums = await sumsOf(level, { ...each, spread: least });
    // What is not asked has no misfit.
    const misfit = fitsOf(sums).map((fit, block) => {
      const asked = sums.shares[block] > table.SHOWN * level.points.share[block];
      return asked ? 1 - fit / Math.max(sums.shares[block], 1e-9) : Number.NaN;
    });
    const known = misfit.filter((value) => !Number.isNaN(value));
    const sum = known.reduce((total, value) => total + value, 0);
    misfits.push(misfit);
    costs.push(known.length > 0 ? sum / known.length : Number.POSITIVE_INFINITY);
  }
  costs[0] *= table.BETTER;
  const best = costs.indexOf(Math.min(...costs));
  const kept = [motions[best]];
  for (const [index, motion] of motions.entries()) {
    let apartPx = 0;
    for (const [sideX, sideY] of SIDES) {
      const [x, y] = [sideX * width, sideY * height];
      const right = movedX(motion.matrix, x, y) - movedX(kept[0].matrix, x, y);
      const down = movedY(motion.matrix, x, y) - movedY(kept[0].matrix, x, y);
      apartPx = Math.max(apartPx, Math.hypot(right, down));
    }
    let [evidence, against] = [0, 0];
    for (let block = 0; block < level.points.blocks; block++) {
      const gained = misfits[index][block] - misfits[best][block];
      if (gained > table.CHANCE) evidence += gained;
      if (gained < -table.CHANCE) against -= gained;
    }
    const beaten = evidence >= table.EVIDENCE && evidence >= table.AGREED * against;
    if (apartPx > table.APART_PX && !beaten) kept.push(motion);
  }
  return kept;
}

interface Judgment {
  readonly overlap: number;
  readonly explained: number;
}

async function judgedAll(level: Level, motions: readonly Motion[]): Promise<readonly Judgment[]> {
  const found: Judgment[] = [];
  for (const each of motions) found.push(await judged(level, each));
  return found;
}

/** Share of the reference that a frame shows, and the squared correlation there. */
async function judged(level: Level, at: Motion): Promise<Judgment> {
  const spread = level.stages.table("registration.alignment.refining").NO_OUTLIERS;
  const sums = await sumsOf(level, { ...at, spread });
  const square = total(channel(sums, 10));
  const first = total(channel(sums, 11));
  const count = Math.max(total(channel(sums, 15)), 1e-9);
  const productSum = total(channel(sums, 18));
  const rest = total(channel(sums, 19));
  const variance = Math.max(square / count - (first / count) ** 2, 0);
  const shared = productSum / count - (first * rest) / count ** 2;
  // What the frame holds is g·v + r.
  const both = Math.max(at.gain * variance + shared, 0);
  const squares = total(squaresOf(sums)) / count;
  const own = at.gain * (both + shared) + squares - (rest / count) ** 2;
  const explained = both ** 2 / Math.max(variance, 1e-9) / Math.max(own, 1e-9);
  return { overlap: total(sums.shares) / total(level.points.share), explained };
}

function total(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** Why a frame is left out; `others` are its other motions. */
function reasonOf(
  stages: Stages,
  reference: Reference,
  found: Found,
  others: readonly Judgment[],
): string {
  const table = stages.table("registration.alignment.global_motion");
  if (!found.matrix.every(Number.isFinite)) return "no motion could be found";
  const mostPx = reference.reachPx + stages.table("registration.verdict").BEYOND_PX;
  if (Math.max(Math.abs(found.matrix[2]), Math.abs(found.matrix[5])) > mostPx) {
    return "lies beyond what is searched";
  }
  if (found.overlap < LEAST) {
    return `shows only ${Math.round(100 * found.overlap)} % of the reference`;
  }
  if (!(found.explained * Math.sqrt(found.overlap) >= LEAST)) {
    return `does not match the reference (correlation² ${found.explained.toFixed(2)})`;
  }
  const least = 1 - table.WORSE * (1 - found.explained) - table.WORSE_STILL;
  const undecided = others.some((other) => other.explained >= Math.max(least, table.BELIEVED));
  return undecided ? "fits in several places" : "";
}

/** Whether a frame differs from the reference at rest by noise and brightness alone. */
function rests(stages: Stages, reference: Reference, frame: Plane, noiseStd: number): boolean {
  const std = stages.table("registration.stages.levels").SMOOTH_PX;
  const taps = [-3, -2, -1, 0, 1, 2, 3].map((at) => Math.exp(-0.5 * (at / std) ** 2));
  const sum = taps.reduce((all, tap) => all + tap, 0);
  const squares = taps.reduce((all, tap) => all + tap ** 2, 0);
  const passed = (squares / sum ** 2) ** 2;
  const table = stages.table("registration.verdict");
  const noise = 2 * noiseStd ** 2 * passed + table.QUANTIZATION;
  const expected = noise / 4 ** reference.larger.length;
  return variance(frame.data, reference.levels[0].data) <= table.NOISE_MARGIN * expected;
}

/** Variance of the difference of two planes. */
function variance(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += one[at] - other[at];
  const mean = sum / one.length;
  let squares = 0;
  for (let at = 0; at < one.length; at++) squares += (one[at] - other[at] - mean) ** 2;
  return squares / one.length;
}
