/** What a frame's light is of the reference's: measured along its motion, and undone. */
import type { Table } from "../bundle/constants.js";
import type { Frame, RowGains } from "../frame.js";
import { inverse, lowerMedian, type Matrix, movedX, movedY, solved } from "../numbers.js";
import type { Stages } from "../stages/stages.js";
import { interpolated, meansOf, slopesOf } from "./means.js";

const MODULE = "burst.photometry.light";
type Constants = Table<typeof MODULE>;

/** b by color, and θ, empty for even light. */
export interface Light {
  readonly colors: Float64Array;
  readonly waves: Float64Array;
}

/** The mean factor of the colors. */
export function factorOf(light: Light): number {
  return (light.colors[0] + light.colors[1] + light.colors[2]) / 3;
}

/** Whether a light is not that of the reference. */
export function differs(light: Light): boolean {
  return light.waves.length > 0 || light.colors.some((color) => color !== 1);
}

/** 1/a at rows y of the reference, from 0 to 1 and clamped beyond: doubles [3, n]. */
export function gainsAt(light: Light, y: Float64Array): Float64Array {
  const gains = new Float64Array(3 * y.length);
  for (let at = 0; at < y.length; at++) {
    const place = Math.min(Math.max(y[at], 0), 1);
    let along = 1;
    for (let wave = 0; wave < light.waves.length; wave++) {
      along += light.waves[wave] * Math.cos(Math.PI * place * (wave + 1));
    }
    for (let color = 0; color < 3; color++) {
      gains[color * y.length + at] = 1 / (light.colors[color] * along);
    }
  }
  return gains;
}

/** Gains that bring a whole frame, along its motion, into the light of the reference. */
export function rowGains(stages: Stages, light: Light, matrix: Matrix, height: number): RowGains {
  const back = inverse(matrix);
  const count = light.waves.length > 0 ? height : 1;
  const y = Float64Array.from({ length: count }, (_, row) => {
    return (movedY(back, 0, row - (height - 1) / 2) + height / 2) / height;
  });
  return {
    gains: Float32Array.from(gainsAt(light, y)),
    toe: stages.table(MODULE).TOE,
    clipped: stages.table("burst.photometry.evened").CLIPPED,
  };
}

/** Light of a frame by that of the reference; steady where too little can be compared. */
export function lightOf(stages: Stages, reference: Frame, frame: Frame, matrix: Matrix): Light {
  const table = stages.table(MODULE);
  const { height, width } = reference;
  const own = meansOf(reference, table.MEAN_PX);
  const { x, y, thereX, thereY } = placesOf(table, height, width, matrix);
  const scaled = (values: Float64Array, shift: number): Float64Array =>
    values.map((value) => (value + shift) / table.MEAN_PX);
  const before = interpolated(own, scaled(x, 0), scaled(y, 0));
  const other = meansOf(frame, table.MEAN_PX);
  const after = interpolated(other, scaled(thereX, width / 2), scaled(thereY, height / 2));
  const slope = interpolated(slopesOf(own), scaled(x, 0), scaled(y, 0));
  const used: number[] = [];
  for (let at = 0; at < x.length; at++) {
    let [darkest, brightest] = [Number.POSITIVE_INFINITY, 0];
    for (let color = 0; color < 3; color++) {
      const from = color * x.length + at;
      darkest = Math.min(darkest, before[from], after[from]);
      brightest = Math.max(brightest, before[from], after[from]);
    }
    const shown =
      Math.abs(thereX[at]) <= width / 2 - table.SPACING_PX &&
      Math.abs(thereY[at]) <= height / 2 - table.SPACING_PX;
    if (shown && darkest > table.DARKEST && brightest < table.BRIGHTEST) used.push(at);
  }
  if (used.length < table.LEAST_PLACES) {
    return { colors: Float64Array.of(1, 1, 1), waves: new Float64Array(0) };
  }
  const pick = (values: Float64Array, toe: number): Float64Array => {
    const made = new Float64Array(3 * used.length);
    for (let color = 0, to = 0; color < 3; color++) {
      for (const at of used) made[to++] = values[color * x.length + at] + toe;
    }
    return made;
  };
  const rows = Float64Array.from(used, (at) => y[at] / height);
  return fitted(table, pick(before, table.TOE), pick(after, table.TOE), pick(slope, 0), rows);
}

interface Places {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly thereX: Float64Array;
  readonly thereY: Float64Array;
}

/** Places of the reference from its corner, and where they lie on a frame from its middle. */
function placesOf(table: Constants, height: number, width: number, matrix: Matrix): Places {
  const spacing = table.SPACING_PX;
  const step = spacing * Math.ceil(Math.sqrt((height * width) / table.MOST_PLACES) / spacing);
  const first = Math.floor(step / 2);
  const x: number[] = [];
  const y: number[] = [];
  for (let row = first; row < height; row += step) {
    for (let column = first; column < width; column += step) {
      x.push(column);
      y.push(row);
    }
  }
  const thereX = Float64Array.from(x, (column, at) =>
    movedX(matrix, column - width / 2, y[at] - height / 2),
  );
  const thereY = Float64Array.from(y, (row, at) =>
    movedY(matrix, x[at] - width / 2, row - height / 2),
  );
  return { x: Float64Array.from(x), y: Float64Array.from(y), thereX, thereY };
}

/** Fits z ≈ b_c·(1 + Σ θ_j cos(π·j·y))·x, [3, n] at y [n]; sums are set equal, not squares. */
function fitted(
  table: Constants,
  x: Float64Array,
  z: Float64Array,
  slope: Float64Array,
  y: Float64Array,
): Light {
  const n = y.length;
  const count = Math.min(table.WAVES, Math.floor(n / table.LEAST_PLACES));
  const certain = slope.map((s) => 1 / (table.ROUNDING ** 2 + (table.SLOPE_SHARE * s) ** 2));
  const basis = new Float64Array(n * count);
  for (let at = 0; at < n; at++) {
    for (let wave = 0; wave < count; wave++) {
      basis[at * count + wave] = Math.cos(Math.PI * y[at] * (wave + 1));
    }
  }
  const colors = Float64Array.from({ length: 3 }, (_, color) => {
    return lowerMedian(
      Float64Array.from({ length: n }, (_, at) => z[color * n + at] / x[color * n + at]),
    );
  });
  let along = new Float64Array(n).fill(1);
  let waves = new Float64Array(count);
  const weight = new Float64Array(3 * n);
  const scaled = new Float64Array(3 * n);
  const squares = new Float64Array(3 * n);
  const total = new Float64Array(3);
  let normal = new Float64Array(count * count);
  for (let turn = 0; turn < table.ITERATIONS; turn++) {
    weigh(table, { x, z, certain, along, colors, weight, scaled, squares }, total);
    const [plain, left] = [new Float64Array(n), new Float64Array(n)];
    for (let at = 0; at < 3 * n; at++) {
      const expected = colors[Math.floor(at / n)] * x[at];
      plain[at % n] += weight[at] * expected;
      left[at % n] += weight[at] * (z[at] - expected);
    }
    normal = ridged(table, products(basis, plain, count), count);
    waves = solved(normal, projected(basis, left, count), count) as Float64Array<ArrayBuffer>;
    along = new Float64Array(n).fill(1);
    for (let at = 0; at < n; at++) {
      for (let wave = 0; wave < count; wave++) along[at] += basis[at * count + wave] * waves[wave];
    }
  }
  return steadied(table, { x, basis, count, colors, waves, along, squares, total, normal });
}

interface Fit {
  readonly x: Float64Array;
  readonly z: Float64Array;
  readonly certain: Float64Array;
  readonly along: Float64Array;
  readonly colors: Float64Array;
  readonly weight: Float64Array;
  readonly scaled: Float64Array;
  readonly squares: Float64Array;
}

/** Weights by residuals, their squares (w·e)², and new colors; all in place. */
function weigh(table: Constants, fit: Fit, total: Float64Array): void {
  const { x, z, certain, along, colors, weight, scaled, squares } = fit;
  const n = along.length;
  for (let color = 0, at = 0; color < 3; color++) {
    for (let place = 0; place < n; place++, at++) {
      const residual = z[at] - colors[color] * along[place] * x[at];
      squares[at] = residual;
      scaled[at] = residual ** 2 * certain[at];
    }
  }
  const typical = table.MAD_TO_STD ** 2 * lowerMedian(scaled);
  const bound = table.TUKEY ** 2 * Math.max(typical, 1);
  for (let color = 0, at = 0; color < 3; color++) {
    let [sum, down] = [0, 0];
    for (let place = 0; place < n; place++, at++) {
      weight[at] = Math.max(1 - scaled[at] / bound, 0) ** 2 * certain[at];
      squares[at] = (weight[at] * squares[at]) ** 2;
      sum += weight[at] * z[at];
      down += weight[at] * along[place] * x[at];
    }
    total[color] = Math.max(down, 1e-12);
    colors[color] = sum / total[color];
  }
}

/** Σ w·cos_i·cos_j over places, [count, count]. */
function products(
  basis: Float64Array,
  weights: Float64Array,
  count: number,
): Float64Array<ArrayBuffer> {
  const made = new Float64Array(count * count);
  for (let at = 0; at < weights.length; at++) {
    const first = at * count;
    for (let i = 0; i < count; i++) {
      const part = weights[at] * basis[first + i];
      for (let j = i; j < count; j++) made[i * count + j] += part * basis[first + j];
    }
  }
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) made[i * count + j] = made[j * count + i];
  }
  return made;
}

function projected(basis: Float64Array, values: Float64Array, count: number): Float64Array {
  const made = new Float64Array(count);
  for (let at = 0; at < values.length; at++) {
    for (let wave = 0; wave < count; wave++) made[wave] += basis[at * count + wave] * values[at];
  }
  return made;
}

/** A symmetric matrix that can be inverted where rows are missing; in place. */
function ridged<T extends Float64Array>(table: Constants, matrix: T, count: number): T {
  let trace = 0;
  for (let wave = 0; wave < count; wave++) trace += matrix[wave * (count + 1)];
  const added = (table.RIDGE * trace) / count + 1e-12;
  for (let wave = 0; wave < count; wave++) matrix[wave * (count + 1)] += added;
  return matrix;
}

interface Fitted {
  readonly x: Float64Array;
  readonly basis: Float64Array;
  readonly count: number;
  readonly colors: Float64Array;
  readonly waves: Float64Array;
  readonly along: Float64Array;
  readonly squares: Float64Array;
  readonly total: Float64Array;
  readonly normal: Float64Array;
}

/** Colors and waves that chance does not explain; the others are those of steady light. */
function steadied(table: Constants, fit: Fitted): Light {
  const { x, basis, count, waves, along, squares, total, normal } = fit;
  const n = along.length;
  const levels = [0, 1, 2].map((color) => sumOf(x.subarray(color * n, (color + 1) * n)) / n);
  const colors = fit.colors.map((color, index) => {
    const off = Math.sqrt(sumOf(squares.subarray(index * n, (index + 1) * n))) / total[index];
    const change = Math.abs(color - 1);
    const steady = change * levels[index] < table.LEAST_CHANGE || change < table.ERRORS * off;
    return steady ? 1 : color;
  });
  const all = Float64Array.from(
    { length: n },
    (_, at) => squares[at] + squares[n + at] + squares[2 * n + at],
  );
  const noise = ridged(table, products(basis, all, count), count);
  // θᵀ·N·V⁻¹·N·θ, N symmetric.
  const turned = Float64Array.from({ length: count }, (_, row) =>
    sumOf(waves.map((wave, column) => wave * normal[row * count + column])),
  );
  const certain = count > 0 ? solved(noise, turned, count) : turned;
  const evidence = sumOf(turned.map((value, wave) => value * certain[wave]));
  const mean = sumOf(along) / n;
  const spread = Math.sqrt(sumOf(along.map((value) => (value - mean) ** 2)) / (n - 1));
  const level = (levels[0] + levels[1] + levels[2]) / 3;
  const banded = evidence > table.ERRORS ** 2 * count && spread * level > table.LEAST_CHANGE;
  return { colors, waves: banded ? waves : new Float64Array(0) };
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
