/** What tiles of two frames along their motion say of noise and of texture. */
import { type Burst, matricesOf } from "../burst.js";
import { CODES, type Frame } from "../frame.js";
import { lowerMedian, type Matrix, movedX, movedY, quantile, rint } from "../numbers.js";
import { factorOf } from "../photometry/light.js";

/** V, c, t, u, h, and the square of the rest of the shift. */
const MOMENTS = 6;
const KEPT = 5;
/** Moments of a tile: [3 colors, 6]; `undefined` where it cannot be compared. */
type Seen = Float64Array | undefined;

/** Medians over frames: [3, 5] by tile, NaN where nothing is known, and levels [3]. */
export interface Tile {
  readonly level: readonly [number, number, number];
  readonly moments: Float64Array;
}

/** All tiles of a burst in one light. */
export async function measuredTiles(burst: Burst): Promise<readonly Tile[]> {
  const table = burst.stages.table("burst.noise.tiles");
  const all = [...matricesOf(burst).keys()];
  const every = Math.max(1, Math.ceil(all.length / table.MAX_FRAMES));
  const chosen = all.filter((_, at) => at % every === 0);
  if (chosen.length === 0) return [];
  const comparing = new Comparing(burst);
  const levels: (readonly [number, number, number])[] = [];
  const seen: Seen[][] = chosen.map(() => []);
  for (const [row, column] of corners(burst)) {
    await burst.stages.pace.turn();
    levels.push(comparing.take(row, column));
    for (const [at, index] of chosen.entries()) {
      seen[at].push(comparing.compared(row, column, index));
    }
  }
  const originals = withoutCopies(burst, seen);
  return levels.map((level, tile) => ({ level, moments: middle(originals, tile) }));
}

/** Rows and columns where tiles start. */
function corners(burst: Burst): readonly (readonly [number, number])[] {
  const table = burst.stages.table("burst.noise.tiles");
  const { height, width } = burst.frames[0];
  const side = table.TILE_PX;
  const step = height * width > 256 * side ** 2 ? side : Math.floor(side / 2);
  const starts = (length: number): readonly number[] => {
    const found: number[] = [];
    for (let at = table.MARGIN_PX; at < length - side - table.MARGIN_PX + 1; at += step) {
      found.push(at);
    }
    return found;
  };
  const [rows, columns] = [starts(height), starts(width)];
  const tiles = rows.length * columns.length;
  const every = Math.max(1, Math.ceil(Math.sqrt(tiles / table.MAX_TILES)));
  const first = Math.floor(every / 2);
  const some = (all: readonly number[]): readonly number[] =>
    all.filter((_, at) => at >= first && (at - first) % every === 0);
  return some(rows).flatMap((row) => some(columns).map((column) => [row, column] as const));
}

/** Compares tiles of the reference with those of other frames; keeps its memory. */
class Comparing {
  readonly #burst: Burst;
  readonly #matrices: ReadonlyMap<number, Matrix>;
  readonly #side: number;
  readonly #margin: number;
  readonly #whole: number;
  readonly #own: Float64Array;
  readonly #other: Float64Array;
  readonly #right: Float64Array;
  readonly #down: Float64Array;

  constructor(burst: Burst) {
    const table = burst.stages.table("burst.noise.tiles");
    this.#burst = burst;
    this.#matrices = matricesOf(burst);
    this.#side = table.TILE_PX;
    this.#margin = table.MARGIN_PX;
    this.#whole = table.TILE_PX + 2 * table.MARGIN_PX;
    this.#own = new Float64Array(3 * this.#whole ** 2);
    this.#other = new Float64Array(3 * this.#whole ** 2);
    this.#right = new Float64Array(this.#side ** 2);
    this.#down = new Float64Array(this.#side ** 2);
  }

  /** Takes a tile of the reference, and gives its mean by color. */
  take(row: number, column: number): readonly [number, number, number] {
    const frame = this.#burst.frames[this.#burst.reference];
    const [whole, margin, side] = [this.#whole, this.#margin, this.#side];
    for (let y = 0, to = 0; y < whole; y++) {
      const values = frame.values(row - margin + y);
      let from = 3 * ((row - margin + y) * frame.width + column - margin);
      for (let x = 0; x < whole; x++, to++, from += 3)
        copyPixel(this.#own, to, frame, from, values);
    }
    const means = [0, 1, 2].map((color) => {
      let sum = 0;
      for (let y = margin; y < margin + side; y++) {
        for (let x = margin; x < margin + side; x++)
          sum += this.#own[(color * whole + y) * whole + x];
      }
      return sum / side ** 2;
    });
    return means as unknown as readonly [number, number, number];
  }

  compared(row: number, column: number, index: number): Seen {
    if (!this.#follow(row, column, index)) return undefined;
    const clipped = Math.fround(this.#burst.stages.table("burst.photometry.evened").CLIPPED);
    for (let at = 0; at < this.#own.length; at++) {
      if (this.#own[at] >= clipped || this.#other[at] >= clipped) return undefined;
    }
    const light = this.#burst.lights.get(index);
    const gain = light === undefined ? 1 : inverseFactor(light.colors);
    const seen = this.#moments();
    for (let color = 0; color < 3; color++) {
      seen[color * MOMENTS] /= 0.5 + 0.5 * gain ** 2;
      seen[color * MOMENTS + 1] /= 0.5 + 0.5 * gain ** 2;
    }
    return seen;
  }

  /** Takes what a frame shows at its nearest pixels; over a tile the motion is linear. */
  #follow(row: number, column: number, index: number): boolean {
    const frame = this.#burst.frames[index];
    const { height, width } = frame;
    const matrix = this.#matrices.get(index) as Matrix;
    const [whole, margin, side] = [this.#whole, this.#margin, this.#side];
    const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
    const [x0, y0] = [column - middleX, row - middleY];
    const [x, y] = [movedX(matrix, x0, y0), movedY(matrix, x0, y0)];
    const xRight = movedX(matrix, x0 + side, y0) - x;
    const yRight = movedY(matrix, x0 + side, y0) - y;
    const xDown = movedX(matrix, x0, y0 + side) - x;
    const yDown = movedY(matrix, x0, y0 + side) - y;
    for (let j = 0, to = 0; j < whole; j++) {
      const down = (j - margin) / side;
      for (let i = 0; i < whole; i++, to++) {
        const across = (i - margin) / side;
        const atX = x + middleX + xRight * across + xDown * down;
        const atY = y + middleY + yRight * across + yDown * down;
        const [nearX, nearY] = [rint(atX), rint(atY)];
        if (!(nearX >= 0 && nearX < width && nearY >= 0 && nearY < height)) return false;
        const from = 3 * (nearY * width + nearX);
        copyPixel(this.#other, to, frame, from, frame.values(nearY));
        const inside = j >= margin && j < margin + side && i >= margin && i < margin + side;
        if (!inside) continue;
        const place = (j - margin) * side + i - margin;
        this.#right[place] = nearX - atX;
        this.#down[place] = nearY - atY;
      }
    }
    return true;
  }

  /** Sums over a tile of 16×16: with Taylor's series to squares for the rest of the shift. */
  #moments(): Float64Array {
    const seen = new Float64Array(3 * MOMENTS);
    const [whole, side] = [this.#whole, this.#side];
    const box = whole - 2;
    const mean = new Float64Array(box * box);
    const otherMean = new Float64Array(box * box);
    const difference = new Float64Array(side * side);
    for (let color = 0; color < 3; color++) {
      const own = this.#own.subarray(color * whole ** 2, (color + 1) * whole ** 2);
      const other = this.#other.subarray(color * whole ** 2, (color + 1) * whole ** 2);
      boxMeans(own, whole, mean);
      boxMeans(other, whole, otherMean);
      const to = color * MOMENTS;
      for (let y = 0, at = 0; y < side; y++) {
        for (let x = 0; x < side; x++, at++) {
          const near = (y + 2) * whole + x + 2;
          const middle = (y + 1) * box + x + 1;
          const [right, down] = [this.#right[at], this.#down[at]];
          difference[at] = other[near] - own[near] - carried(own, other, near, whole, right, down);
          seen[to] += difference[at] ** 2 / 2;
          seen[to + 2] += (own[near] - mean[middle]) * (other[near] - otherMean[middle]);
          const slopeX = (mean[middle + 1] - mean[middle - 1]) / 2;
          const slopeY = (mean[middle + box] - mean[middle - box]) / 2;
          const otherX = (otherMean[middle + 1] - otherMean[middle - 1]) / 2;
          const otherY = (otherMean[middle + box] - otherMean[middle - box]) / 2;
          seen[to + 3] += slopeX * otherX + slopeY * otherY;
          seen[to + 4] += slopeX ** 2 + slopeY ** 2 + otherX ** 2 + otherY ** 2;
          seen[to + 5] += right ** 2 + down ** 2;
        }
      }
      for (const part of [0, 2, 3, 4, 5]) seen[to + part] /= side ** 2;
      seen[to + 1] = coarse(difference, side);
    }
    return seen;
  }
}

/** What Taylor's series to squares gives for the rest of a shift, of the mean of both. */
function carried(
  own: Float64Array,
  other: Float64Array,
  at: number,
  width: number,
  right: number,
  down: number,
): number {
  const both = (place: number): number => (own[place] + other[place]) / 2;
  const middle = both(at);
  const [east, west] = [both(at + 1), both(at - 1)];
  const [south, north] = [both(at + width), both(at - width)];
  const twist =
    (both(at + width + 1) + both(at - width - 1) - both(at - width + 1) - both(at + width - 1)) / 4;
  const slopes = (right * (east - west)) / 2 + (down * (south - north)) / 2;
  const bends = right ** 2 * (east + west - 2 * middle) + down ** 2 * (south + north - 2 * middle);
  return slopes + right * down * twist + bends / 2;
}

/** Means over 3×3 of [side, side], one less on each side. */
function boxMeans(from: Float64Array, side: number, to: Float64Array): void {
  for (let y = 1, at = 0; y < side - 1; y++) {
    for (let x = 1; x < side - 1; x++, at++) {
      let sum = 0;
      for (let down = -1; down <= 1; down++) {
        const first = (y + down) * side + x;
        sum += from[first - 1] + from[first] + from[first + 1];
      }
      to[at] = sum / 9;
    }
  }
}

/** 4.5 times the mean square of 3×3 means. */
function coarse(difference: Float64Array, side: number): number {
  const means = new Float64Array((side - 2) ** 2);
  boxMeans(difference, side, means);
  let sum = 0;
  for (const mean of means) sum += mean ** 2;
  return (4.5 * sum) / means.length;
}

function copyPixel(
  to: Float64Array,
  at: number,
  frame: Frame,
  from: number,
  values: Float32Array,
): void {
  const area = to.length / 3;
  to[at] = values[frame.rgb[from]];
  to[area + at] = values[CODES + frame.rgb[from + 1]];
  to[2 * area + at] = values[2 * CODES + frame.rgb[from + 2]];
}

/** The mean of 1/b over colors. */
function inverseFactor(colors: Float64Array): number {
  return factorOf({ colors: colors.map((color) => 1 / color), waves: new Float64Array(0) });
}

/** Frames that are not the reference written anew. */
function withoutCopies(
  burst: Burst,
  seen: readonly (readonly Seen[])[],
): readonly (readonly Seen[])[] {
  const table = burst.stages.table("burst.noise.tiles");
  const differ = seen.map((tiles) => {
    const known = tiles.filter((tile) => tile !== undefined);
    const values = known.flatMap((tile) => [tile[0], tile[MOMENTS], tile[2 * MOMENTS]]);
    if (values.length === 0) return Number.POSITIVE_INFINITY;
    return quantile(Float64Array.from(values), table.COPY_QUANTILE);
  });
  const most = Math.max(0, ...differ.filter(Number.isFinite));
  return seen.filter((tiles, at) => {
    if (!(differ[at] < table.COPY_SHARE * most)) return true;
    const known = tiles.filter((tile) => tile !== undefined);
    const rests = known.flatMap((tile) => [tile[5], tile[MOMENTS + 5], tile[2 * MOMENTS + 5]]);
    return !(lowerMedian(rests) < table.AT_REST);
  });
}

/** Medians of a tile over the frames whose rest is at most the median. */
function middle(seen: readonly (readonly Seen[])[], tile: number): Float64Array {
  const moments = new Float64Array(3 * KEPT).fill(Number.NaN);
  const shown = seen.map((tiles) => tiles[tile]).filter((each) => each !== undefined);
  if (shown.length === 0) return moments;
  for (let color = 0; color < 3; color++) {
    const from = color * MOMENTS;
    const rest = lowerMedian(shown.map((each) => each[from + 5]));
    const near = shown.filter((each) => each[from + 5] <= rest);
    for (let part = 0; part < KEPT; part++) {
      moments[color * KEPT + part] = lowerMedian(near.map((each) => each[from + part]));
    }
  }
  return moments;
}
