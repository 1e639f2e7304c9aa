/** Golden vectors: what every graph of a bundle gives on a drawn input, at drawn places. */
import { Refusal } from "../refusal.js";
import { type Fields, readJson } from "./fields.js";
import { drawChannel, type Fill, type Group, type Layer, ONE, positions } from "./generator.js";

const FORMAT = "edge-sdk golden vectors";
const VERSION = 1;
const MOST_INPUT = 2 ** 24;
const MOST_OUTPUT = 2 ** 26;
const MOST_VALUES = 4096;
const MOST_LAYERS = 64;
const MOST_CELL = 256;
const MOST_VALUE = 2 ** 24;
const MOST_DRAWN = 2 ** 27;
const MOST_CHANNELS = 4096;
const MOST_SEED = 2 ** 31;

/** One graph's output on one input. */
export interface GoldenVector {
  readonly groups: readonly Group[];
  /** Shape of the input, N×C×H×W. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly seed: number;
  /** The output at the places, in their order. */
  readonly values: readonly number[];
}

export function readGolden(text: Uint8Array, name: string): ReadonlyMap<string, GoldenVector> {
  const fields = readJson(text, name, "golden");
  checkHead(fields, FORMAT, VERSION);
  const vectors = fields.entries("vectors", vectorOf);
  for (const [key, vector] of vectors) check(key, vector, name);
  return vectors;
}

/** Checks the format and the version of a file of vectors. */
export function checkHead(fields: Fields, format: string, version: number): void {
  if (fields.text("format") !== format || fields.integer("version") !== version) {
    throw new Refusal(
      `${fields.where}: is no ${format} of version ${version}; pack the bundle anew`,
      "golden",
    );
  }
}

/** The input, channels last: [1, H, W, C]. */
export function drawnInput(vector: GoldenVector): Float32Array {
  const [, channels, height, width] = vector.input as readonly [number, number, number, number];
  const made = new Float32Array(height * width * channels);
  let first = 0;
  for (const group of vector.groups) {
    for (let channel = 0; channel < group.channels; channel++, first++) {
      const plane = drawChannel(group, channel, height, width);
      for (let at = 0; at < plane.length; at++) {
        made[at * channels + first] = plane[at] / ONE;
      }
    }
  }
  return made;
}

/**
 * Signal over noise of an output at the places of a vector; −∞ if it has another shape.
 *
 * @param output channels last.
 * @param shape its shape, N×H×W×C where the vector's has four sides.
 */
export function outputDecibels(
  vector: GoldenVector,
  output: Float32Array,
  shape: readonly number[],
): number {
  const [n, h, w, c] = shape as readonly [number, number, number, number];
  const planar = shape.length === 4 ? [n, c, h, w] : shape;
  if (String(planar) !== String(vector.output)) return Number.NEGATIVE_INFINITY;
  const places = positions(vector.seed, vector.values.length, output.length);
  const found = places.map((place) => {
    if (shape.length !== 4) return output[place];
    const channel = Math.floor(place / (h * w)) % c;
    return output[(place % (h * w)) * c + channel];
  });
  return signalOverNoise(found, vector.values);
}

/** 10·log₁₀(Σ e²/Σ (f − e)²) of values f and what is expected, e; −∞ for no numbers. */
export function signalOverNoise(found: readonly number[], expected: readonly number[]): number {
  let error = 0;
  let signal = 0;
  for (let k = 0; k < expected.length; k++) {
    error += (found[k] - expected[k]) ** 2;
    signal += expected[k] ** 2;
  }
  if (!Number.isFinite(error)) return Number.NEGATIVE_INFINITY;
  return error === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(Math.max(signal, 1e-30) / error);
}

function vectorOf(fields: Fields): GoldenVector {
  return {
    groups: fields.objects("groups", groupOf),
    input: fields.integers("input"),
    output: fields.integers("output"),
    seed: fields.integer("seed"),
    values: fields.numbers("values"),
  };
}

function groupOf(fields: Fields): Group {
  return {
    channels: fields.integer("channels"),
    layers: fields.objects("layers", layerOf, true),
    fills: fields.objects("fills", fillOf, true),
  };
}

function layerOf(fields: Fields): Layer {
  return {
    seed: fields.integer("seed"),
    cell: fields.integer("cell"),
    low: fields.integer("low"),
    high: fields.integer("high"),
  };
}

function fillOf(fields: Fields): Fill {
  return {
    top: fields.integer("top"),
    left: fields.integer("left"),
    bottom: fields.integer("bottom"),
    right: fields.integer("right"),
    value: fields.integer("value"),
  };
}

/** Refuses what would draw more than any stage takes, or compare nothing. */
function check(key: string, vector: GoldenVector, name: string): void {
  const shape = vector.input;
  const plain = shape.length === 4 && shape.every((side) => side > 0 && side <= MOST_INPUT);
  if (!plain || shape[0] !== 1 || product(shape) > MOST_INPUT || !isDrawable(vector)) {
    throw new Refusal(`${name}: the vector ${key} cannot be drawn; pack it anew`, "golden");
  }
  const { output, values, seed } = vector;
  const sides = output.length > 0 && output.length <= 4;
  const fits = sides && output.every((side) => side > 0 && side <= MOST_OUTPUT);
  const compared = values.length <= MOST_VALUES && values.some((value) => value !== 0);
  if (!fits || product(output) > MOST_OUTPUT || !compared || seed < 0 || seed >= MOST_SEED) {
    throw new Refusal(`${name}: the vector ${key} compares nothing; pack it anew`, "golden");
  }
}

/** Whether an input is drawn by few enough operations, on integers of 53 bits. */
function isDrawable(vector: GoldenVector): boolean {
  const [, channels, height, width] = vector.input as readonly [number, number, number, number];
  let [layers, fills, all, work] = [0, 0, 0, 0];
  for (const group of vector.groups) {
    if (group.channels < 1 || group.channels > MOST_CHANNELS) return false;
    if (!group.layers.every(isLayer)) return false;
    if (!group.fills.every((fill) => isFill(fill, height, width))) return false;
    layers += group.layers.length;
    fills += group.fills.length;
    all += group.channels;
    work += group.channels * (1 + group.layers.length) * height * width;
  }
  return Math.max(layers, fills) <= MOST_LAYERS && all === channels && work <= MOST_DRAWN;
}

function isLayer(layer: Layer): boolean {
  const power = layer.cell > 0 && layer.cell <= MOST_CELL && (layer.cell & (layer.cell - 1)) === 0;
  const seed = layer.seed >= 0 && layer.seed < MOST_SEED;
  return (
    power && seed && -MOST_VALUE <= layer.low && layer.low <= layer.high && layer.high <= MOST_VALUE
  );
}

function isFill(fill: Fill, height: number, width: number): boolean {
  const rows = 0 <= fill.top && fill.top <= fill.bottom && fill.bottom <= height;
  const columns = 0 <= fill.left && fill.left <= fill.right && fill.right <= width;
  return rows && columns && Math.abs(fill.value) <= 2 * MOST_VALUE;
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, side) => all * side, 1);
}
