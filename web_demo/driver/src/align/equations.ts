/** Stage `align` over all blocks of a level, and the least squares that follow from it. */
import type { Plane } from "../frame.js";
import { lowerMedian, type Matrix, rint, solved } from "../numbers.js";
import type { Stages } from "../stages/stages.js";
import { BLOCK_POINTS, isWithin, type Points } from "./points.js";

const fround = Math.fround;
const CHANNELS = 15;
const SUMS = 22;
const POWERS = 10;
/** Channels of the sums: products [5, 4] of v_x, v_y, v, 1, r with w·(v_x, v_y, v, 1); m·r²; m·e. */
const SQUARES = 20;
const FITS = 21;

/** A level of a frame, and the points of the reference on it. */
export interface Level {
  readonly stages: Stages;
  readonly points: Points;
  readonly frame: Plane;
}

/** One motion of a frame on a level: gain and offset of its light, spread of residuals. */
export interface Motion {
  readonly matrix: Matrix;
  readonly gain: number;
  readonly offset: number;
  readonly spread: number;
  readonly stepPx: number;
}

/** Of blocks: [22, B], and the share of their points that the frame shows. */
export interface Sums {
  readonly blocks: number;
  readonly found: Float64Array;
  readonly shares: Float64Array;
}

/** S, factor of values and slopes. */
export function scaleOf(level: Level): number {
  return level.stages.table("registration.stages.expand").SCALE;
}

/** One channel of the sums, by block. */
export function channel(sums: Sums, index: number): Float64Array {
  return sums.found.subarray(index * sums.blocks, (index + 1) * sums.blocks);
}

export function squaresOf(sums: Sums): Float64Array {
  return channel(sums, SQUARES);
}

export function fitsOf(sums: Sums): Float64Array {
  return channel(sums, FITS);
}

/** Stage `align` over all blocks, under a motion without perspective: a shift and a turn. */
export async function sumsOf(level: Level, at: Motion): Promise<Sums> {
  const { stages, points } = level;
  const [, , count] = stages.driver.shapes.align;
  const blocks = points.blocks;
  const sums: Sums = {
    blocks,
    found: new Float64Array(SUMS * blocks),
    shares: new Float64Array(blocks),
  };
  const packed = stages.packed("align");
  for (let start = 0; start < blocks; start += count) {
    const part = Math.min(count, blocks - start);
    packed.fill(0);
    gather(packed, level, at, start, part, sums.shares);
    packed[CHANNELS - 1] = at.gain;
    packed[2 * CHANNELS - 1] = at.offset;
    packed[3 * CHANNELS - 1] = at.spread * scaleOf(level);
    const made = (await stages.run("align", packed)).data;
    for (let block = 0; block < part; block++) {
      for (let sum = 0; sum < SUMS; sum++) {
        sums.found[sum * blocks + start + block] = made[block * SUMS + sum];
      }
    }
  }
  return sums;
}

/** Packs blocks: coefficients, pixels of the frame, rests of shifts, and what is shown. */
function gather(
  packed: Float32Array,
  level: Level,
  at: Motion,
  start: number,
  count: number,
  shares: Float64Array,
): void {
  const { points, frame, stages } = level;
  const { height, width } = points;
  const margin = stages.table("registration.alignment.points").MARGIN_PX;
  const m = Float32Array.from(at.matrix);
  const [middleX, middleY] = [fround((width - 1) / 2), fround((height - 1) / 2)];
  const [slopeXx, slopeYy] = [fround(m[0] - 1), fround(m[4] - 1)];
  const determinant = at.matrix[0] * at.matrix[4] - at.matrix[1] * at.matrix[3];
  const back = Float32Array.of(
    at.matrix[4] / determinant,
    -at.matrix[1] / determinant,
    -at.matrix[3] / determinant,
    at.matrix[0] / determinant,
  );
  for (let block = 0, to = 0; block < count; block++) {
    let shown = 0;
    const first = (start + block) * BLOCK_POINTS;
    for (let point = first; point < first + BLOCK_POINTS; point++, to += CHANNELS) {
      const x = fround(points.column[point] - middleX);
      const y = fround(points.row[point] - middleY);
      const shiftX = fround(fround(fround(slopeXx * x) + fround(m[1] * y)) + m[2]);
      const shiftY = fround(fround(fround(m[3] * x) + fround(slopeYy * y)) + m[5]);
      const [wholeX, wholeY] = [rint(shiftX), rint(shiftY)];
      const [restX, restY] = [fround(wholeX - shiftX), fround(wholeY - shiftY)];
      const [row, column] = [points.row[point] + wholeY, points.column[point] + wholeX];
      const inside = points.real[point] === 1 && isWithin(row, column, points, margin);
      const nearRow = row >= 0 ? (row < height ? row : height - 1) : 0;
      const nearColumn = column >= 0 ? (column < width ? column : width - 1) : 0;
      const from = point * POWERS;
      for (let power = 0; power < POWERS; power++) {
        packed[to + power] = points.coefficients[from + power];
      }
      packed[to + 10] = frame.data[nearRow * width + nearColumn];
      packed[to + 11] = fround(back[0] * restX) + fround(back[1] * restY);
      packed[to + 12] = fround(back[2] * restX) + fround(back[3] * restY);
      packed[to + 13] = Number(inside);
      shown += Number(inside);
    }
    shares[start + block] = shown / BLOCK_POINTS;
  }
}

/** How places, in radii, move along x and y by shifts and a turn of 1: columns of a motion. */
export interface Directions {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Motion [3] and changes of gain and offset, by least squares over blocks. */
export function solvedStep(
  level: Level,
  sums: Sums,
  places: Directions,
): { readonly motion: Float64Array; readonly gain: number; readonly offset: number } {
  const table = level.stages.table("registration.alignment.equations");
  const { blocks, found, shares } = sums;
  const normal = new Float64Array(9);
  const light = new Float64Array(6);
  const right = new Float64Array(3);
  const own = new Float64Array(4);
  const ownRight = new Float64Array(2);
  const along = new Float64Array(15);
  for (let block = 0; block < blocks; block++) {
    const fit = found[FITS * blocks + block] / Math.max(shares[block], 1e-9) - table.FITS_LEAST;
    const share = fit / (table.FITS_FULLY - table.FITS_LEAST);
    const weight = share > 0 ? Math.min(share, 1) : 0;
    if (weight === 0) continue;
    const [x, y] = [places.x[block], places.y[block]];
    // w times the column of the motion, times v_x, v_y, v, 1 and r: [5, 3].
    for (let of = 0; of < 5; of++) {
      const byX = weight * found[4 * of * blocks + block];
      const byY = weight * found[(4 * of + 1) * blocks + block];
      along[3 * of] = byX;
      along[3 * of + 1] = byY;
      along[3 * of + 2] = byY * x - byX * y;
    }
    for (let row = 0; row < 3; row++) {
      normal[3 * row] += along[row];
      normal[3 * row + 1] += along[3 + row];
      normal[3 * row + 2] += along[3 + row] * x - along[row] * y;
      light[2 * row] += along[6 + row];
      light[2 * row + 1] += along[9 + row];
      right[row] += along[12 + row];
    }
    for (let of = 0; of < 2; of++) {
      own[2 * of] += weight * found[(4 * (2 + of) + 2) * blocks + block];
      own[2 * of + 1] += weight * found[(4 * (2 + of) + 3) * blocks + block];
      ownRight[of] += weight * found[(16 + 2 + of) * blocks + block];
    }
  }
  return eliminated(table.DAMPING, scaleOf(level), { normal, light, right, own, ownRight });
}

interface System {
  readonly normal: Float64Array;
  readonly light: Float64Array;
  readonly right: Float64Array;
  readonly own: Float64Array;
  readonly ownRight: Float64Array;
}

/** Gain and offset are eliminated, then the motion is solved for. */
function eliminated(
  share: number,
  scale: number,
  { normal, light, right, own, ownRight }: System,
): { readonly motion: Float64Array; readonly gain: number; readonly offset: number } {
  const trace = normal[0] + normal[4] + normal[8] + own[0] + own[3];
  const damping = share * trace + 1e-12;
  const damped = Float64Array.of(own[0] + damping, own[1], own[2], own[3] + damping);
  const back = solved(damped, Float64Array.of(1, 0, 0, 1), 2);
  const rest = normal.slice();
  const rightRest = right.slice();
  for (let row = 0; row < 3; row++) {
    const byGain = light[2 * row] * back[0] + light[2 * row + 1] * back[2];
    const byOffset = light[2 * row] * back[1] + light[2 * row + 1] * back[3];
    for (let column = 0; column < 3; column++) {
      rest[3 * row + column] -= byGain * light[2 * column] + byOffset * light[2 * column + 1];
    }
    rest[4 * row] += damping;
    rightRest[row] -= byGain * ownRight[0] + byOffset * ownRight[1];
  }
  const motion = solved(rest, rightRest, 3);
  const left = [0, 1].map((of) => {
    let carried = 0;
    for (let k = 0; k < 3; k++) carried += light[2 * k + of] * motion[k];
    return ownRight[of] - carried;
  });
  const gain = back[0] * left[0] + back[1] * left[1];
  const offset = (back[2] * left[0] + back[3] * left[1]) / scale;
  return { motion, gain, offset };
}

/** Robust deviation of residuals: the lower median over the blocks that are shown. */
export function spreadOf(level: Level, sums: Sums, otherwise: number): number {
  const table = level.stages.table("registration.alignment.equations");
  const squares = squaresOf(sums);
  const known: number[] = [];
  for (let block = 0; block < sums.blocks; block++) {
    const share = sums.shares[block];
    if (share > table.LEAST_SHARE) known.push(squares[block] / share);
  }
  if (known.length === 0) return otherwise;
  return Math.max(Math.sqrt(lowerMedian(known)) / scaleOf(level), table.LEAST_SPREAD);
}
