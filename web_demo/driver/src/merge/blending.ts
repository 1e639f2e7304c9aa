/** From sums to features, and from these to the picture, in pieces that fit the files. */
import type { Planes, Rectangle, Stages } from "../stages/stages.js";
import { packNumbers } from "./packing.js";

/** What `blend` and `decode` are told. */
export interface Told {
  readonly curves: Float64Array;
  readonly lensPx: number;
}

/**
 * Features of a part of planes, no larger than `blend` takes: one less on each side.
 *
 * @returns overwritten when `blend` runs again; its rows are as wide as the file's.
 */
export async function blended(
  stages: Stages,
  planes: Planes,
  part: Rectangle,
  told: Told,
): Promise<Planes> {
  const [, channels, height, width] = stages.driver.shapes.blend;
  const data = stages.packed("blend");
  const packed = { height, width, channels, data };
  data.fill(0);
  for (let row = 0; row < part.height; row++) {
    let from = ((part.top + row) * planes.width + part.left) * planes.channels;
    let to = row * width * channels;
    for (let column = 0; column < part.width; column++) {
      for (let k = 0; k < planes.channels; k++) data[to + k] = planes.data[from + k];
      from += planes.channels;
      to += channels;
    }
  }
  const numbers = { light: undefined, curves: told.curves, lensPx: told.lensPx };
  packNumbers(stages, packed, numbers, { top: 0, height: part.height }, part.height);
  return stages.run("blend", data);
}

/** The picture of features, [s·h, s·w, 3] with the network's margin; overwritten likewise. */
export async function decoded(
  stages: Stages,
  features: Planes,
  height: number,
  width: number,
): Promise<Planes> {
  const [, channels, tileHeight, tileWidth] = stages.driver.shapes.decode;
  if (height === tileHeight && width === tileWidth) return stages.run("decode", features.data);
  const data = stages.packed("decode");
  data.fill(0);
  for (let row = 0; row < height; row++) {
    const from = row * features.width * channels;
    data.set(features.data.subarray(from, from + width * channels), row * tileWidth * channels);
  }
  return stages.run("decode", data);
}
