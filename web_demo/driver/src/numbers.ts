/** Small arithmetic that the contract speaks of: rounding, medians, quantiles, linear systems. */

const ROUNDING = 6755399441055744;

/** The nearest integer, halves to even. */
export function rint(x: number): number {
  return x + ROUNDING - ROUNDING;
}

/** The median of the first `count` values, of an even number the lower of both in the middle. */
export function lowerMedian(values: ArrayLike<number>, count = values.length): number {
  const copy = Float64Array.from({ length: count }, (_, at) => values[at]);
  return selected(copy, (count - 1) >> 1);
}

/** The value of a rank, 0-based; the values change places. */
export function selected(values: Float64Array, rank: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [left, right] = [low, high];
    while (left <= right) {
      while (values[left] < pivot) left++;
      while (values[right] > pivot) right--;
      if (left <= right) {
        const held = values[left];
        values[left++] = values[right];
        values[right--] = held;
      }
    }
    if (rank <= right) high = right;
    else if (rank >= left) low = left;
    else break;
  }
  return values[rank];
}

/** A quantile, linear between the two nearest values; the values get sorted. */
export function quantile(values: Float64Array, share: number): number {
  values.sort();
  return sortedQuantile(values, share);
}

export function sortedQuantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** A matrix of doubles, row by row. */
export type Matrix = Float64Array;

export function identity(): Matrix {
  return Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
}

/** Product of 3×3 matrices. */
export function product(a: Matrix, b: Matrix): Matrix {
  const made = new Float64Array(9);
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) {
      let sum = 0;
      for (let k = 0; k < 3; k++) sum += a[3 * row + k] * b[3 * k + column];
      made[3 * row + column] = sum;
    }
  }
  return made;
}

/** Inverse of a 3×3 matrix; not finite where there is none. */
export function inverse(m: Matrix): Matrix {
  const cofactor = (a: number, b: number, c: number, d: number): number =>
    m[a] * m[d] - m[b] * m[c];
  const made = Float64Array.of(
    cofactor(4, 5, 7, 8),
    cofactor(2, 1, 8, 7),
    cofactor(1, 2, 4, 5),
    cofactor(5, 3, 8, 6),
    cofactor(0, 2, 6, 8),
    cofactor(2, 0, 5, 3),
    cofactor(3, 4, 6, 7),
    cofactor(1, 0, 7, 6),
    cofactor(0, 1, 3, 4),
  );
  const determinant = m[0] * made[0] + m[1] * made[3] + m[2] * made[6];
  return made.map((value) => value / determinant);
}

/** Where a position (x, y) of the reference lies on a frame, by a 3×3 matrix. */
export function movedX(m: Matrix, x: number, y: number): number {
  return (m[0] * x + m[1] * y + m[2]) / (m[6] * x + m[7] * y + m[8]);
}

export function movedY(m: Matrix, x: number, y: number): number {
  return (m[3] * x + m[4] * y + m[5]) / (m[6] * x + m[7] * y + m[8]);
}

/**
 * Solves A·X = B by elimination with pivots.
 *
 * @param matrix A, [n, n].
 * @param right B, [n, m] row by row.
 * @returns X, [n, m]; not finite where A has no inverse.
 */
export function solved(matrix: Matrix, right: Float64Array, n: number): Float64Array {
  const a = matrix.slice();
  const x = right.slice();
  const m = x.length / n;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++) {
      if (Math.abs(a[row * n + column]) > Math.abs(a[pivot * n + column])) pivot = row;
    }
    swapRows(a, n, pivot, column);
    swapRows(x, m, pivot, column);
    for (let row = column + 1; row < n; row++) {
      const factor = a[row * n + column] / a[column * n + column];
      for (let k = column; k < n; k++) a[row * n + k] -= factor * a[column * n + k];
      for (let k = 0; k < m; k++) x[row * m + k] -= factor * x[column * m + k];
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let k = 0; k < m; k++) {
      let sum = x[row * m + k];
      for (let column = row + 1; column < n; column++) {
        sum -= a[row * n + column] * x[column * m + k];
      }
      x[row * m + k] = sum / a[row * n + row];
    }
  }
  return x;
}

function swapRows(values: Float64Array, width: number, one: number, other: number): void {
  if (one === other) return;
  for (let k = 0; k < width; k++) {
    const held = values[one * width + k];
    values[one * width + k] = values[other * width + k];
    values[other * width + k] = held;
  }
}
