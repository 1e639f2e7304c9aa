/** Frames as they came, 8 bits a sample, and the values in [0, 1] that these stand for. */
import type { Rgb8 } from "./face.js";

/** Values of red, of green, and of blue: 256 each. */
export type Values = Float32Array;
export const CODES = 256;

const PLAIN: Values = Float32Array.from({ length: 3 * CODES }, (_, at) => (at % CODES) / 255);
const fround = Math.fround;

/** What brings a frame into another light, by color and row: v becomes (v + toe)·gain − toe. */
export interface RowGains {
  /** [3, rows], or [3, 1] for all rows alike. */
  readonly gains: Float32Array;
  readonly toe: number;
  /** Value from which on a sample is white in any light. */
  readonly clipped: number;
}

/** A frame in a light. Its floats are never stored: a table of each row has them. */
export class Frame {
  readonly height: number;
  readonly width: number;
  readonly rgb: Uint8Array;
  readonly #light: RowGains | undefined;
  readonly #table: Values = PLAIN.slice();
  #row = -1;

  constructor(picture: Rgb8, light?: RowGains) {
    this.height = picture.height;
    this.width = picture.width;
    this.rgb = picture.data;
    this.#light = light;
  }

  /** What the codes of a row stand for; valid until another row is asked for. */
  values(row: number): Values {
    if (this.#light === undefined) return PLAIN;
    const rows = this.#light.gains.length / 3;
    const asked = rows === 1 ? 0 : row;
    if (asked !== this.#row) this.#draw(this.#light, asked, rows);
    this.#row = asked;
    return this.#table;
  }

  #draw(light: RowGains, row: number, rows: number): void {
    const toe = fround(light.toe);
    for (let color = 0; color < 3; color++) {
      const gain = light.gains[color * rows + row];
      for (let code = 0; code < CODES; code++) {
        const value = PLAIN[code];
        const lit = fround(fround(fround(value + toe) * gain) - toe);
        const kept = value >= fround(light.clipped);
        this.#table[color * CODES + code] = kept ? value : Math.min(Math.max(lit, 0), 1);
      }
    }
  }
}

/** A picture of one channel, float32 row by row. */
export interface Plane {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

const RED = fround(65.481 / 255);
const GREEN = fround(128.553 / 255);
const BLUE = fround(24.966 / 255);
const BLACK = fround(16 / 255);

/** Luma of a color, BT.601 in studio swing, in single precision. */
export function lumaOf(red: number, green: number, blue: number): number {
  const sum = fround(fround(RED * red) + fround(GREEN * green));
  return fround(fround(sum + fround(BLUE * blue)) + BLACK);
}

/** Luma of a frame. */
export function lumaPlane(frame: Frame): Plane {
  const { height, width, rgb } = frame;
  const data = new Float32Array(height * width);
  for (let row = 0, at = 0; row < height; row++) {
    const values = frame.values(row);
    for (let column = 0; column < width; column++, at++) {
      const red = values[rgb[3 * at]];
      const green = values[CODES + rgb[3 * at + 1]];
      const blue = values[2 * CODES + rgb[3 * at + 2]];
      data[at] = lumaOf(red, green, blue);
    }
  }
  return { height, width, data };
}
