/** What `encode` takes, channels last: the reference, a frame along its motion, and numbers. */
import type { Noise } from "../face.js";
import { CODES, type Frame } from "../frame.js";
import type { Matrix } from "../numbers.js";
import { gainsAt, type Light } from "../photometry/light.js";
import type { Planes, Rectangle, Stages } from "../stages/stages.js";
import { shiftsOf } from "./shifts.js";

const fround = Math.fround;

/** A frame in its own light, and the values of its hot pixels, by 3·(row·width + column) + color. */
export interface Source {
  readonly frame: Frame;
  readonly mended: ReadonlyMap<number, number>;
  /** 1 for rows that have any. */
  readonly mendedRows: Uint8Array | undefined;
}

export function sourceOf(frame: Frame, mended: ReadonlyMap<number, number>): Source {
  if (mended.size === 0) return { frame, mended, mendedRows: undefined };
  const mendedRows = new Uint8Array(frame.height);
  for (const place of mended.keys()) mendedRows[Math.floor(place / (3 * frame.width))] = 1;
  return { frame, mended, mendedRows };
}

/** Whether R, G and B are the same everywhere. */
export function isGray({ frame, mended }: Source): boolean {
  const { rgb } = frame;
  const at = (place: number): number => mended.get(place) ?? frame.values(0)[rgb[place]];
  for (let place = 0; place < rgb.length; place += 3) {
    const same = rgb[place] === rgb[place + 1] && rgb[place] === rgb[place + 2];
    if (mended.size === 0 ? !same : at(place) !== at(place + 1) || at(place) !== at(place + 2)) {
      return false;
    }
  }
  return true;
}

/** Puts the crop of the reference itself into channels 0 to 2. */
export function packReference(packed: Planes, source: Source, crop: Rectangle): void {
  const { height, width } = source.frame;
  for (let row = 0; row < crop.height; row++) {
    const y = Math.min(Math.max(crop.top + row, 0), height - 1);
    let to = row * packed.width * packed.channels;
    for (let column = 0; column < crop.width; column++, to += packed.channels) {
      const x = Math.min(Math.max(crop.left + column, 0), width - 1);
      copyPixel(packed.data, to, source, y, x);
    }
  }
}

/** Puts what a frame shows along its motion into channels 3 to 8: pixels, offsets, trust. */
export function packFrame(
  stages: Stages,
  packed: Planes,
  source: Source,
  matrix: Matrix,
  crop: Rectangle,
  weight: number,
): void {
  const { height, width } = source.frame;
  const most = fround(stages.table("burst.stages.encode").MAX_OFFSET_PX);
  const shifts = shiftsOf(stages, matrix, crop, source.frame);
  const back = inverseSlope(matrix);
  const { data, channels } = packed;
  const { step } = shifts;
  for (let row = 0; row < crop.height; row++) {
    const place = row + shifts.firstRow;
    const above = Math.floor(place / step) * crop.width;
    const down = fround((place % step) / step);
    const rest = fround(1 - down);
    let to = row * packed.width * channels + 3;
    for (let column = 0; column < crop.width; column++, to += channels) {
      const node = above + column;
      const below = node + crop.width;
      const shiftX = fround(fround(shifts.x[node] * rest) + fround(shifts.x[below] * down));
      const shiftY = fround(fround(shifts.y[node] * rest) + fround(shifts.y[below] * down));
      const wholeX = Math.floor(fround(shiftX + 0.5));
      const wholeY = Math.floor(fround(shiftY + 0.5));
      const restX = fround(wholeX - shiftX);
      const restY = fround(wholeY - shiftY);
      const x = column + crop.left + wholeX;
      const y = row + crop.top + wholeY;
      const shown = y >= 0 && y < height && x >= 0 && x < width;
      const nearX = x >= 0 ? (x < width ? x : width - 1) : 0;
      const nearY = y >= 0 ? (y < height ? y : height - 1) : 0;
      copyPixel(data, to, source, nearY, nearX);
      const offsetX = fround(back[0] * restX) + fround(back[1] * restY);
      const offsetY = fround(back[2] * restX) + fround(back[3] * restY);
      data[to + 3] = Math.min(Math.max(offsetX, -most), most);
      data[to + 4] = Math.min(Math.max(offsetY, -most), most);
      data[to + 5] = shown ? weight : 0;
    }
  }
}

function copyPixel(to: Float32Array, at: number, source: Source, y: number, x: number): void {
  const { frame, mendedRows, mended } = source;
  const values = frame.values(y);
  const from = 3 * (y * frame.width + x);
  to[at] = values[frame.rgb[from]];
  to[at + 1] = values[CODES + frame.rgb[from + 1]];
  to[at + 2] = values[2 * CODES + frame.rgb[from + 2]];
  if (mendedRows?.[y]) {
    for (let color = 0; color < 3; color++)
      to[at + color] = mended.get(from + color) ?? to[at + color];
  }
}

/** Inverse of the slope of a motion in the middle, in float32. */
function inverseSlope(matrix: Matrix): Float32Array {
  const m = matrix.map((value) => value / matrix[8]);
  const a = m[0] - m[2] * m[6];
  const b = m[1] - m[2] * m[7];
  const c = m[3] - m[5] * m[6];
  const d = m[4] - m[5] * m[7];
  const determinant = a * d - b * c;
  return Float32Array.of(d / determinant, -b / determinant, -c / determinant, a / determinant);
}

/** Numbers of a stage: light by row, noise, lens. */
export interface Numbers {
  readonly light: Light | undefined;
  readonly curves: Float64Array;
  readonly lensPx: number;
}

/**
 * Puts numbers into the last three channels, in their columns.
 *
 * @param crop its rows of the reference; of a height that is `frameHeight`.
 */
export function packNumbers(
  stages: Stages,
  packed: Planes,
  numbers: Numbers,
  crop: { readonly top: number; readonly height: number },
  frameHeight: number,
): void {
  const { data, channels } = packed;
  const toe = stages.table("burst.photometry.light").TOE;
  const { light, curves } = numbers;
  const y = Float64Array.from(
    { length: crop.height },
    (_, row) => (row + crop.top + 0.5) / frameHeight,
  );
  const gains = light === undefined ? undefined : gainsAt(light, y);
  const levels = curves.length / 6;
  for (let row = 0; row < crop.height; row++) {
    for (let color = 0; color < 3; color++) {
      const to = row * packed.width * channels + channels - 3 + color;
      const gain = gains === undefined ? 1 : gains[color * crop.height + row];
      data[to] = gain;
      data[to + channels] = gains === undefined ? 0 : toe * gain - toe;
      const known = row < levels;
      data[to + 2 * channels] = known ? curves[(color * levels + row) * 2] : 0;
      data[to + 3 * channels] = known ? curves[(color * levels + row) * 2 + 1] : 0;
    }
  }
  const column = stages.table("burst.converted.packed").LENS_COLUMN;
  for (let color = 0; color < 3; color++) {
    data[column * channels + channels - 3 + color] = numbers.lensPx;
  }
}

/** Typical and curves of a noise that a network is told no more of than it has learned. */
export function limited(noise: Noise, most: number): Float64Array {
  return noise.curves.map((std) => Math.min(std, most));
}
