/** Pictures of a canvas, with alpha, as the driver takes them. */
import type { Rgb8 } from "./face.js";
import { Refusal } from "./refusal.js";

/**
 * Red, green and blue of what a canvas has; alpha is left out.
 *
 * @param data 4·width·height values.
 */
export function fromRgba(
  data: Uint8ClampedArray | Uint8Array,
  width: number,
  height: number,
): Rgb8 {
  if (data.length !== 4 * width * height) {
    throw new Refusal(`${data.length} values are no ${width}×${height} px of RGBA`, "input");
  }
  const rgb = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = data[from];
    rgb[to + 1] = data[from + 1];
    rgb[to + 2] = data[from + 2];
  }
  return { width, height, data: rgb };
}

/** What a canvas takes, wholly opaque. */
export function toRgba({ width, height, data }: Rgb8): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba[to] = data[from];
    rgba[to + 1] = data[from + 1];
    rgba[to + 2] = data[from + 2];
  }
  return rgba;
}
