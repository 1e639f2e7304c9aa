/** Two halves of a burst at detailed places: the scene is what they have in common. */
import { CODES, lumaOf } from "../frame.js";
import { blended } from "../merge/blending.js";
import type { Source } from "../merge/packing.js";
import {
  type Contributor,
  cuts,
  type Merging,
  REFERENCE_WEIGHT,
  summed,
} from "../merge/summing.js";
import type { Planes, Rectangle, Stages } from "../stages/stages.js";
import { lensOf } from "./estimate.js";
import { addPowers, type Powers } from "./spectrum.js";

/** Blur of the lens in pixels of a frame; a sharp one where it cannot be told. */
export async function measuredLens(merging: Merging): Promise<number> {
  const { stages } = merging;
  const defaultPx = stages.table("burst.stages.blur").DEFAULT_LENS_PX;
  if (merging.others.length === 0) return defaultPx;
  const ordered = [...merging.others].sort(byMatrix);
  const withReference = { ...merging, others: ordered.filter((_, at) => at % 2 === 1) };
  const without = { ...merging, others: ordered.filter((_, at) => at % 2 === 0) };
  const table = stages.table("burst.lens.halves");
  const side = stages.table("burst.lens.spectrum").BLOCK_PX;
  const size = side * (side / 2 + 1);
  const powers = { common: new Float64Array(size), own: new Float64Array(size) };
  let blocks = 0;
  for (const place of await detailed(stages, merging.reference)) {
    const first = await half(withReference, place, REFERENCE_WEIGHT);
    const second = await half(without, place, 0);
    blocks += addBlocks(first, second, side, table.LEAST_TRUST, powers);
  }
  const found = blocks > 0 ? lensOf(stages, powers, blocks) : undefined;
  return found ?? defaultPx;
}

/** By the entries of matrices, one after the other. */
function byMatrix(one: Contributor, other: Contributor): number {
  const at = one.matrix.findIndex((value, index) => value !== other.matrix[index]);
  return at < 0 ? 0 : one.matrix[at] - other.matrix[at];
}

/** The places of steepest slopes; none where files are of another scale, or places too small. */
async function detailed(stages: Stages, reference: Source): Promise<readonly Rectangle[]> {
  const table = stages.table("burst.lens.halves");
  const least = stages.table("burst.lens.spectrum").BLOCK_PX;
  const { height, width } = reference.frame;
  const places: { readonly steepness: number; readonly place: Rectangle }[] = [];
  for (const row of cuts(height, table.TILE_PX)) {
    for (const column of cuts(width, table.TILE_PX)) {
      await stages.pace.turn();
      const place = {
        top: row.start,
        left: column.start,
        height: row.length,
        width: column.length,
      };
      places.push({ steepness: steepnessOf(reference, place), place });
    }
  }
  const smallest = Math.min(...places.map(({ place }) => Math.min(place.height, place.width)));
  if (stages.driver.scale !== table.SCALE || table.SCALE * (smallest - 2) < least) return [];
  places.sort((one, other) => other.steepness - one.steepness);
  return places.slice(0, table.PLACES).map(({ place }) => place);
}

/** Mean squares of slopes of the mean of the colors, across and down. */
function steepnessOf(source: Source, place: Rectangle): number {
  const { height, width } = place;
  const gray = new Float64Array(height * width);
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to++) {
      gray[to] = grayAt(source, place.top + row, place.left + column);
    }
  }
  let [across, down] = [0, 0];
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      if (column + 2 < width) across += (gray[at + 2] - gray[at]) ** 2;
      if (row + 2 < height) down += (gray[at + 2 * width] - gray[at]) ** 2;
    }
  }
  return across / (height * (width - 2)) + down / ((height - 2) * width);
}

function grayAt({ frame, mended, mendedRows }: Source, row: number, column: number): number {
  const values = frame.values(row);
  const from = 3 * (row * frame.width + column);
  let sum = 0;
  for (let color = 0; color < 3; color++) {
    const plain = values[color * CODES + frame.rgb[from + color]];
    sum += mendedRows?.[row] ? (mended.get(from + color) ?? plain) : plain;
  }
  return sum / 3;
}

/** Luma of a half on the finer grid, and the trust in its frames by squares of the reference. */
interface Half {
  readonly height: number;
  readonly width: number;
  readonly luma: Float32Array;
  readonly trust: Squares;
}

interface Squares {
  readonly columns: number;
  readonly means: Float64Array;
}

async function half(merging: Merging, place: Rectangle, weight: number): Promise<Half> {
  const { stages } = merging;
  const scale = stages.table("burst.lens.halves").SCALE;
  const squarePx = stages.table("burst.effective_frames").SQUARE_PX;
  const channels = 4 * scale ** 2 + 3;
  const planes = {
    ...place,
    channels,
    data: new Float32Array(place.height * place.width * channels),
  };
  const trust = new SquareTrust(place, squarePx);
  await summed(merging, place, weight, planes, 0, trust);
  const part = { ...place, top: 0, left: 0 };
  const told = { curves: merging.noise.curves, lensPx: 0 };
  const features = await blended(stages, planes, part, told);
  const height = scale * (place.height - 2);
  const width = scale * (place.width - 2);
  return {
    height,
    width,
    luma: lumaOfPhases(features, height, width, scale),
    trust: trust.squares(),
  };
}

/** Luma of merged colors, which `blend` gives as phases. */
function lumaOfPhases(
  features: Planes,
  height: number,
  width: number,
  scale: number,
): Float32Array {
  const luma = new Float32Array(height * width);
  const phases = scale ** 2;
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to++) {
      const pixel = Math.floor(row / scale) * features.width + Math.floor(column / scale);
      const at = pixel * features.channels + scale * (row % scale) + (column % scale);
      luma[to] = lumaOf(
        features.data[at],
        features.data[at + phases],
        features.data[at + 2 * phases],
      );
    }
  }
  return luma;
}

/** Means over squares of the trust in all other frames together. */
class SquareTrust {
  readonly #sums: Float64Array;
  readonly #columns: number;

  constructor(
    readonly place: Rectangle,
    readonly side: number,
  ) {
    this.#columns = Math.ceil(place.width / side);
    this.#sums = new Float64Array(Math.ceil(place.height / side) * this.#columns);
  }

  take(_at: number, tile: Rectangle, encoded: Planes): void {
    for (let row = 0; row < tile.height; row++) {
      const squares = Math.floor((row + tile.top - this.place.top) / this.side) * this.#columns;
      for (let column = 0; column < tile.width; column++) {
        const square = Math.floor((column + tile.left - this.place.left) / this.side);
        const from = (row * encoded.width + column + 1) * encoded.channels - 1;
        this.#sums[squares + square] += encoded.data[from];
      }
    }
  }

  squares(): Squares {
    const { height, width } = this.place;
    const means = this.#sums.map((sum, at) => {
      const [row, column] = [Math.floor(at / this.#columns), at % this.#columns];
      const rows = Math.min(this.side, height - row * this.side);
      return sum / (rows * Math.min(this.side, width - column * this.side));
    });
    return { columns: this.#columns, means };
  }
}

/** Adds the powers of blocks that overlap by half, where frames of the second half are trusted. */
function addBlocks(
  first: Half,
  second: Half,
  side: number,
  leastTrust: number,
  powers: Powers,
): number {
  const { columns, means } = second.trust;
  let count = 0;
  for (let row = 0; row < Math.floor((2 * first.height) / side) - 1; row++) {
    for (let column = 0; column < Math.floor((2 * first.width) / side) - 1; column++) {
      const corner = row * columns + column;
      const near = [corner, corner + 1, corner + columns, corner + columns + 1];
      if (near.some((square) => !(means[square] >= leastTrust))) continue;
      const [top, left] = [(row * side) / 2, (column * side) / 2];
      addPowers(blockOf(first, top, left, side), blockOf(second, top, left, side), side, powers);
      count++;
    }
  }
  return count;
}

function blockOf(half: Half, top: number, left: number, side: number): Float32Array {
  const block = new Float32Array(side ** 2);
  for (let row = 0; row < side; row++) {
    const from = (top + row) * half.width + left;
    block.set(half.luma.subarray(from, from + side), row * side);
  }
  return block;
}
