/** A golden burst step by step: how near each comes to what the SDK's driver had there. */

import { levelsOf } from "./align/reference.js";
import type { BurstVector, StepValues } from "./bundle/burst_vectors.js";
import { placesOf, stepDecibels } from "./bundle/burst_vectors.js";
import { signalOverNoise } from "./bundle/golden.js";
import type { StepTest } from "./face.js";
import { type Frame, lumaPlane } from "./frame.js";
import { type Matrix, movedX, movedY } from "./numbers.js";
import type { Planes } from "./stages/stages.js";
import type { Made } from "./zoom.js";

/** What a step must reach: least decibels of tensors and numbers, most pixels of motions and the lens. */
export interface StepGates {
  readonly decibels: number;
  readonly px: number;
}

/** Features of the first piece. */
export interface SeenFeatures {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly at: (channel: number, row: number, column: number) => number;
}

/** Keeps what `blend` gave, which is overwritten when it runs again. */
export function seenFeatures(features: Planes, height: number, width: number): SeenFeatures {
  const data = features.data.slice();
  const { channels, width: across } = features;
  const at = (channel: number, row: number, column: number): number =>
    data[(row * across + column) * channels + channel];
  return { channels, height, width, at };
}

/**
 * Every step of a golden burst, in the order of work.
 *
 * @param first the first frame.
 */
export async function stepTests(
  vector: BurstVector,
  made: Made,
  first: Frame,
  features: SeenFeatures | undefined,
  gates: StepGates,
): Promise<readonly StepTest[]> {
  const { burst, noise, lensPx } = made;
  const luma = lumaPlane(first);
  const levels = await levelsOf(burst.stages, luma);
  const tests: StepTest[] = [];
  const decibels = (step: string, found: number): void => {
    tests.push({ step, found: bounded(found), gate: gates.decibels, unit: "dB" });
  };
  const px = (step: string, found: number): void => {
    tests.push({ step, found, gate: gates.px, unit: "px" });
  };
  decibels("luma", ofPlane(vector.luma, [1, luma.height, luma.width], luma.data));
  for (const [index, known] of vector.levels.entries()) {
    const level = levels[index];
    const shape = [1, 1, level?.height ?? 0, level?.width ?? 0];
    decibels(`level ${index}`, ofPlane(known, shape, level?.data ?? new Float32Array(0)));
  }
  decibels("scores", ofNumbers(burst.scores, vector.scores));
  for (const index of vector.used) {
    const known = vector.motions[index];
    if (index === vector.reference || known === undefined) continue;
    px(`motion of frame ${index}`, apartPx(burst.found.get(index)?.matrix, known, first));
    const colors = burst.lights.get(index)?.colors ?? [1, 1, 1];
    const lit = vector.lights[index] ?? [];
    decibels(`light of frame ${index}`, ofNumbers([...colors], lit.length > 0 ? lit : [1, 1, 1]));
  }
  decibels("noise", ofNumbers([...noise.curves], vector.noise));
  px("lens", Math.abs(lensPx - vector.lensPx));
  const seen = ofSeen(vector.features, features);
  if (seen !== undefined) decibels("features", seen);
  return tests;
}

/** The first step that is not near enough, in words; empty for none. */
export function failedStep(tests: readonly StepTest[]): string {
  const failed = tests.find((each) => !isNear(each));
  if (failed === undefined) return "";
  const { step, found, gate, unit } = failed;
  return unit === "dB"
    ? `${step}: ${found.toFixed(1)} dB, and needs ${gate}`
    : `${step}: ${found.toPrecision(3)} px off, and may be ${gate}`;
}

function isNear({ found, gate, unit }: StepTest): boolean {
  return unit === "dB" ? found >= gate : found <= gate;
}

function bounded(decibels: number): number {
  return Math.min(Math.max(decibels, -999), 999);
}

function ofPlane(known: StepValues, shape: readonly number[], data: Float32Array): number {
  if (String(shape) !== String(known.shape)) return Number.NEGATIVE_INFINITY;
  return stepDecibels(known, (place) => data[place]);
}

/** At the places that lie in the piece, which is smaller in a bundle of smaller tiles; of none, nothing. */
function ofSeen(known: StepValues, features: SeenFeatures | undefined): number | undefined {
  const [count, channels, height, width] = known.shape;
  if (features === undefined || count !== 1 || channels !== features.channels) {
    return Number.NEGATIVE_INFINITY;
  }
  const found: number[] = [];
  const expected: number[] = [];
  for (const [at, place] of placesOf(known).entries()) {
    const [row, column] = [Math.floor(place / width) % height, place % width];
    if (row >= features.height || column >= features.width) continue;
    found.push(features.at(Math.floor(place / (height * width)), row, column));
    expected.push(known.values[at]);
  }
  return expected.length > 0 ? signalOverNoise(found, expected) : undefined;
}

function ofNumbers(found: readonly number[], expected: readonly number[]): number {
  if (found.length !== expected.length) return Number.NEGATIVE_INFINITY;
  return signalOverNoise(found, expected);
}

/** How far two motions lay a corner of a frame apart, at most. */
function apartPx(
  found: Matrix | undefined,
  expected: readonly number[],
  { width, height }: Frame,
): number {
  if (found === undefined || expected.length !== 9) return Number.POSITIVE_INFINITY;
  const known = Float64Array.from(expected);
  const corners = [-1, 1].flatMap((x) => [-1, 1].map((y) => [(x * width) / 2, (y * height) / 2]));
  return Math.max(
    ...corners.map(([x, y]) => {
      return Math.hypot(
        movedX(found, x, y) - movedX(known, x, y),
        movedY(found, x, y) - movedY(known, x, y),
      );
    }),
  );
}
