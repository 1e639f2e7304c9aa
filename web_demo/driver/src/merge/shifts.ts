/** Shifts of a frame over a crop: M p − p, bilinear between points that all tiles share. */
import { type Matrix, movedX, movedY, rint } from "../numbers.js";
import type { Rectangle, Stages } from "../stages/stages.js";

const fround = Math.fround;

/** Shifts at the lattice's rows, already spread over the columns of a crop, in float32. */
export interface Shifts {
  /** [nodes, width]: of each row of the lattice, shifts along x and along y. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Rows of the crop from the lattice's first row. */
  readonly firstRow: number;
  readonly step: number;
}

/**
 * Shifts over a crop of the reference.
 *
 * @param size of the reference.
 */
export function shiftsOf(
  stages: Stages,
  matrix: Matrix,
  crop: Rectangle,
  size: { readonly height: number; readonly width: number },
): Shifts {
  const table = stages.table("burst.driver.tiles");
  const step = table.RIGID_LATTICE_PX;
  const firstRow = Math.floor(crop.top / step) * step;
  const firstColumn = Math.floor(crop.left / step) * step;
  const rows = Math.ceil((crop.top + crop.height + step - firstRow) / step);
  const columns = Math.ceil((crop.left + crop.width + step - firstColumn) / step);
  const [middleX, middleY] = [(size.width - 1) / 2, (size.height - 1) / 2];
  const x = new Float32Array(rows * crop.width);
  const y = new Float32Array(rows * crop.width);
  const nodesX = new Float32Array(columns);
  const nodesY = new Float32Array(columns);
  for (let row = 0; row < rows; row++) {
    const placeY = firstRow + row * step - middleY;
    for (let column = 0; column < columns; column++) {
      const placeX = firstColumn + column * step - middleX;
      const shiftX = movedX(matrix, placeX, placeY) - placeX;
      const shiftY = movedY(matrix, placeX, placeY) - placeY;
      nodesX[column] = rint(shiftX * table.SHIFT_STEPS) / table.SHIFT_STEPS;
      nodesY[column] = rint(shiftY * table.SHIFT_STEPS) / table.SHIFT_STEPS;
    }
    for (let column = 0, to = row * crop.width; column < crop.width; column++, to++) {
      const at = column + crop.left - firstColumn;
      const left = Math.floor(at / step);
      const right = fround((at % step) / step);
      const rest = fround(1 - right);
      x[to] = fround(nodesX[left] * rest) + fround(nodesX[left + 1] * right);
      y[to] = fround(nodesY[left] * rest) + fround(nodesY[left + 1] * right);
    }
  }
  return { x, y, firstRow: crop.top - firstRow, step };
}
