/** Color of a picture at its enlarged size, by the bicubic kernel; luma comes from a network. */
import type { Rgb8 } from "../face.js";
import { inverse, rint } from "../numbers.js";

/** BT.601 in studio swing, on values in [0, 1]. */
const TO_YCBCR = Float64Array.of(
  65.481,
  128.553,
  24.966,
  -37.797,
  -74.203,
  112,
  112,
  -93.786,
  -18.214,
).map((value) => value / 255);
const TO_RGB = inverse(TO_YCBCR);
const [BLACK, GRAY] = [16 / 255, 128 / 255];
const TAPS = 4;

/** Cb and Cr of a picture, interpolated where they are asked for. */
export class Chroma {
  readonly #picture: Rgb8;
  readonly #scale: number;
  /** [scale, 4]: by phase, weights of the pixels from one before the nearest on the left. */
  readonly #weights: Float64Array;
  readonly #first: readonly number[];
  /** Cb and Cr of rows of the picture, wide as the result. */
  readonly #rows = new Map<number, Float32Array>();

  constructor(picture: Rgb8, scale: number) {
    this.#picture = picture;
    this.#scale = scale;
    this.#weights = new Float64Array(TAPS * scale);
    this.#first = Array.from({ length: scale }, (_, phase) => {
      const place = (phase + 0.5) / scale - 0.5;
      const first = Math.floor(place) - 1;
      let sum = 0;
      for (let tap = 0; tap < TAPS; tap++) sum += cubic(place - first - tap);
      for (let tap = 0; tap < TAPS; tap++) {
        this.#weights[TAPS * phase + tap] = cubic(place - first - tap) / sum;
      }
      return first;
    });
  }

  /** Puts the color of a pixel (x, y) of the result, with its luma, as three bytes. */
  put(data: Uint8Array, to: number, luma: number, y: number, x: number): void {
    const [row, phase] = [Math.floor(y / this.#scale), y % this.#scale];
    let [cb, cr] = [0, 0];
    for (let tap = 0; tap < TAPS; tap++) {
      const line = this.#row(mirrored(row + this.#first[phase] + tap, this.#picture.height));
      const weight = this.#weights[TAPS * phase + tap];
      cb += weight * line[2 * x];
      cr += weight * line[2 * x + 1];
    }
    const lit = luma - BLACK;
    for (let color = 0; color < 3; color++) {
      const m = 3 * color;
      const value = TO_RGB[m] * lit + TO_RGB[m + 1] * (cb - GRAY) + TO_RGB[m + 2] * (cr - GRAY);
      data[to + color] = rint(255 * Math.min(Math.max(value, 0), 1));
    }
  }

  #row(row: number): Float32Array {
    const known = this.#rows.get(row);
    if (known !== undefined) return known;
    // Rows are asked for from the top to the bottom of a window.
    if (this.#rows.size > MOST_ROWS) this.#rows.clear();
    const made = this.#drawn(row);
    this.#rows.set(row, made);
    return made;
  }

  #drawn(row: number): Float32Array {
    const { width, data } = this.#picture;
    const own = new Float32Array(2 * width);
    for (let column = 0; column < width; column++) {
      const from = 3 * (row * width + column);
      for (let part = 0; part < 2; part++) {
        const m = 3 * (part + 1);
        const sum =
          TO_YCBCR[m] * data[from] +
          TO_YCBCR[m + 1] * data[from + 1] +
          TO_YCBCR[m + 2] * data[from + 2];
        own[2 * column + part] = sum / 255 + GRAY;
      }
    }
    const made = new Float32Array(2 * width * this.#scale);
    for (let x = 0; x < width * this.#scale; x++) {
      const [column, phase] = [Math.floor(x / this.#scale), x % this.#scale];
      for (let tap = 0; tap < TAPS; tap++) {
        const from = 2 * mirrored(column + this.#first[phase] + tap, width);
        const weight = this.#weights[TAPS * phase + tap];
        made[2 * x] += weight * own[from];
        made[2 * x + 1] += weight * own[from + 1];
      }
    }
    return made;
  }
}

/** Rows of color that are kept. */
const MOST_ROWS = 600;

/** Keys' kernel, a = −1/2. */
function cubic(x: number): number {
  const at = Math.abs(x);
  if (at <= 1) return (1.5 * at - 2.5) * at * at + 1;
  return at <= 2 ? ((-0.5 * at + 2.5) * at - 4) * at + 2 : 0;
}

/** Beyond its border a picture continues mirrored, the border pixel included. */
function mirrored(place: number, length: number): number {
  const inside = ((place % (2 * length)) + 2 * length) % (2 * length);
  return inside < length ? inside : 2 * length - 1 - inside;
}
