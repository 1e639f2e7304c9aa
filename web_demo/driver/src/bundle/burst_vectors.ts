/** Golden bursts: what the driver decides, step by step, and the picture that comes of it. */
import { Refusal } from "../refusal.js";
import { type DrawnBurst, drawnBurstOf, isDrawable } from "./burst_frames.js";
import { type Fields, readJson } from "./fields.js";
import { positions } from "./generator.js";
import { checkHead, signalOverNoise } from "./golden.js";

const FORMAT = "edge-sdk golden bursts";
const VERSION = 1;
const SEED = 17;
const MOST_VALUES = 48;
const MOST_BURSTS = 16;

/** A tensor on the way, at drawn places; its shape is planar, C×H×W or 1×C×H×W. */
export interface StepValues {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export interface BurstVector {
  readonly burst: DrawnBurst;
  readonly luma: StepValues;
  readonly levels: readonly StepValues[];
  readonly scores: readonly number[];
  readonly reference: number;
  readonly used: readonly number[];
  readonly reasons: readonly string[];
  /** By frame, M in rows; empty for the reference. */
  readonly motions: readonly (readonly number[])[];
  /** By frame, the factor of red, green and blue; empty where light is steady. */
  readonly lights: readonly (readonly number[])[];
  readonly noise: readonly number[];
  readonly lensPx: number;
  readonly hot: number;
  readonly features: StepValues;
  readonly picture: StepValues;
}

export function readBursts(text: Uint8Array, name: string): readonly BurstVector[] {
  const fields = readJson(text, name, "golden");
  checkHead(fields, FORMAT, VERSION);
  const vectors = fields.objects("bursts", vectorOf);
  if (vectors.length < 1 || vectors.length > MOST_BURSTS) {
    throw new Refusal(`${name}: has ${vectors.length} bursts; pack the bundle anew`, "golden");
  }
  for (const vector of vectors) {
    const kept = [vector.luma, ...vector.levels, vector.features, vector.picture];
    const whole = kept.every(({ values }) => values.length <= MOST_VALUES && values.some(Boolean));
    if (!isDrawable(vector.burst) || !whole) {
      const shown = vector.burst.name.slice(0, 40);
      throw new Refusal(
        `${name}: the burst '${shown}' cannot be drawn; pack the bundle anew`,
        "golden",
      );
    }
  }
  return vectors;
}

/** Places of a tensor in planar order that a vector knows. */
export function placesOf(known: StepValues): readonly number[] {
  return positions(
    SEED,
    known.values.length,
    known.shape.reduce((all, side) => all * side, 1),
  );
}

/** Signal over noise at the places; `at` gives what was found there, of planar place. */
export function stepDecibels(known: StepValues, at: (place: number) => number): number {
  return signalOverNoise(placesOf(known).map(at), known.values);
}

function vectorOf(fields: Fields): BurstVector {
  return {
    burst: drawnBurstOf(fields.object("burst")),
    luma: stepOf(fields.object("luma")),
    levels: fields.objects("levels", stepOf),
    scores: fields.numbers("scores"),
    reference: fields.integer("reference"),
    used: fields.integers("used"),
    reasons: fields.texts("reasons"),
    motions: fields.rows("motions"),
    lights: fields.rows("lights"),
    noise: fields.numbers("noise"),
    lensPx: fields.number("lens_px"),
    hot: fields.integer("hot"),
    features: stepOf(fields.object("features")),
    picture: stepOf(fields.object("picture")),
  };
}

function stepOf(fields: Fields): StepValues {
  return { shape: fields.integers("shape"), values: fields.numbers("values") };
}
