/** The points of a level of the reference that speak for a motion, in blocks of 64. */
import type { Plane } from "../frame.js";
import type { Planes, Stages } from "../stages/stages.js";

/** Powers of a polynomial of the third order. */
const POWERS = 10;

/** Points in B blocks: [B, 64] each, coefficients [B, 64, 10]. */
export interface Points {
  readonly height: number;
  readonly width: number;
  readonly blocks: number;
  readonly coefficients: Float32Array;
  readonly row: Float32Array;
  readonly column: Float32Array;
  /** 1 where there is a point. */
  readonly real: Uint8Array;
  /** By block, the mean position of its real points, and their share. */
  readonly middleX: Float64Array;
  readonly middleY: Float64Array;
  readonly share: Float64Array;
}

export const BLOCK_POINTS = 64;

/** Whether a place lies on a level and not at its edge, where margins have been seen. */
export function isWithin(row: number, column: number, level: Points, margin: number): boolean {
  return (
    row >= margin &&
    row < level.height - margin &&
    column >= margin &&
    column < level.width - margin
  );
}

/** Some of the blocks. */
export function only(points: Points, chosen: readonly number[]): Points {
  const pick = <T extends Float32Array | Uint8Array | Float64Array>(from: T, side: number): T => {
    const made = new (from.constructor as new (length: number) => T)(chosen.length * side);
    for (const [to, block] of chosen.entries()) {
      made.set(from.subarray(block * side, (block + 1) * side) as never, to * side);
    }
    return made;
  };
  return {
    ...points,
    blocks: chosen.length,
    coefficients: pick(points.coefficients, BLOCK_POINTS * POWERS),
    row: pick(points.row, BLOCK_POINTS),
    column: pick(points.column, BLOCK_POINTS),
    real: pick(points.real, BLOCK_POINTS),
    middleX: pick(points.middleX, 1),
    middleY: pick(points.middleY, 1),
    share: pick(points.share, 1),
  };
}

/** The point of each cell of a level where slopes are steepest; in strips of whole blocks. */
export async function pointsOf(stages: Stages, level: Plane, most: number): Promise<Points> {
  const { height, width } = level;
  const cell = Math.ceil(Math.sqrt((height * width) / most));
  const cells = stages.table("registration.alignment.points").BLOCK_CELLS;
  const side = cells * cell;
  const around = 2 * stages.haloPx("smooth");
  const margin = stages.haloPx("expand") + around;
  const stripRows = Math.floor((stages.driver.shapes.expand[2] - 2 * around) / side);
  const rows = side * Math.max(1, stripRows);
  const across = Math.ceil(width / side);
  const count = Math.ceil(height / side) * across * BLOCK_POINTS;
  const found: Found = {
    row: new Float32Array(count),
    column: new Float32Array(count),
    cell: new Uint8Array(count),
    coefficients: new Float32Array(count * POWERS),
  };
  let place = 0;
  for (let top = 0; top < height; top += rows) {
    const part = {
      top: top - margin,
      left: -margin,
      height: Math.min(rows, height - top) + 2 * margin,
      width: width + 2 * margin,
    };
    const c = await stages.tiled("expand", level, part);
    const energy = await energyOf(stages, c);
    for (let first = 0; first * side < energy.height; first++) {
      for (let left = 0; left < across; left++) {
        for (let point = 0; point < BLOCK_POINTS; point++, place++) {
          const y = side * first + cell * Math.floor(point / cells);
          const x = side * left + cell * (point % cells);
          take(found, place, c, energy, { top, around, cell, y, x });
        }
      }
    }
  }
  return gathered(stages, level, found);
}

interface Found {
  readonly row: Float32Array;
  readonly column: Float32Array;
  readonly cell: Uint8Array;
  readonly coefficients: Float32Array;
}

interface Cell {
  readonly top: number;
  readonly around: number;
  readonly cell: number;
  readonly y: number;
  readonly x: number;
}

/** Squares of both slopes, smoothed twice. */
async function energyOf(stages: Stages, c: Planes): Promise<Plane> {
  const { height, width, channels } = c;
  const data = new Float32Array(height * width);
  for (let at = 0, from = 1; at < data.length; at++, from += channels) {
    data[at] = Math.fround(c.data[from] ** 2) + Math.fround(c.data[from + 1] ** 2);
  }
  const squares = { height, width, data };
  const once = await stages.tiled("smooth", squares, { top: 0, left: 0, height, width });
  return stages.tiled("smooth", once, {
    top: 0,
    left: 0,
    height: once.height,
    width: once.width,
  });
}

/** The place of the largest energy of a cell, of equals the first by rows. */
function take(found: Found, place: number, c: Planes, energy: Plane, at: Cell): void {
  const bottom = Math.min(at.y + at.cell, energy.height);
  const right = Math.min(at.x + at.cell, energy.width);
  let [best, bestRow, bestColumn] = [Number.NEGATIVE_INFINITY, 0, 0];
  for (let row = at.y; row < bottom; row++) {
    for (let column = at.x; column < right; column++) {
      const value = energy.data[row * energy.width + column];
      if (value > best) [best, bestRow, bestColumn] = [value, row, column];
    }
  }
  found.cell[place] = Number(at.y < bottom && at.x < right);
  found.row[place] = bestRow + at.top;
  found.column[place] = bestColumn;
  const from = ((bestRow + at.around) * c.width + bestColumn + at.around) * POWERS;
  found.coefficients.set(c.data.subarray(from, from + POWERS), place * POWERS);
}

function gathered(stages: Stages, level: Plane, found: Found): Points {
  const { height, width } = level;
  const margin = stages.table("registration.alignment.points").MARGIN_PX;
  const blocks = found.row.length / BLOCK_POINTS;
  const points: Points = {
    height,
    width,
    blocks,
    coefficients: found.coefficients,
    row: found.row,
    column: found.column,
    real: new Uint8Array(found.row.length),
    middleX: new Float64Array(blocks),
    middleY: new Float64Array(blocks),
    share: new Float64Array(blocks),
  };
  const chosen: number[] = [];
  for (let block = 0; block < blocks; block++) {
    let [count, x, y] = [0, 0, 0];
    for (let at = block * BLOCK_POINTS; at < (block + 1) * BLOCK_POINTS; at++) {
      const inside = found.cell[at] && isWithin(points.row[at], points.column[at], points, margin);
      if (!inside) continue;
      points.real[at] = 1;
      count++;
      x += points.column[at];
      y += points.row[at];
    }
    if (count === 0) continue;
    chosen.push(block);
    points.middleX[block] = x / count - (width - 1) / 2;
    points.middleY[block] = y / count - (height - 1) / 2;
    points.share[block] = count / BLOCK_POINTS;
  }
  return only(points, chosen);
}
