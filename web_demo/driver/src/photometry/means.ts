/** Means of squares of pixels, by which light is compared. */
import { CODES, type Frame } from "../frame.js";

/** Doubles [channels, height, width]. */
export interface Means {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float64Array;
}

/** Means of side×side pixels in all three colors. */
export function meansOf(frame: Frame, side: number): Means {
  const height = Math.floor(frame.height / side);
  const width = Math.floor(frame.width / side);
  const data = new Float64Array(3 * height * width);
  const area = height * width;
  for (let row = 0; row < height * side; row++) {
    const values = frame.values(row);
    const first = Math.floor(row / side) * width;
    for (let column = 0; column < width; column++) {
      let at = 3 * (row * frame.width + column * side);
      let [red, green, blue] = [0, 0, 0];
      for (let pixel = 0; pixel < side; pixel++, at += 3) {
        red += values[frame.rgb[at]];
        green += values[CODES + frame.rgb[at + 1]];
        blue += values[2 * CODES + frame.rgb[at + 2]];
      }
      data[first + column] += red;
      data[area + first + column] += green;
      data[2 * area + first + column] += blue;
    }
  }
  const count = side ** 2;
  for (let at = 0; at < data.length; at++) data[at] /= count;
  return { channels: 3, height, width, data };
}

/** Values at places (x, y), in means from the corner, interpolated: [channels, n]. */
export function interpolated(means: Means, x: Float64Array, y: Float64Array): Float64Array {
  const { height, width, data, channels } = means;
  const made = new Float64Array(channels * x.length);
  for (let at = 0; at < x.length; at++) {
    const column = Math.min(Math.max(x[at] - 0.5, 0), width - 1);
    const row = Math.min(Math.max(y[at] - 0.5, 0), height - 1);
    const left = Math.min(Math.floor(column), width - 2);
    const top = Math.min(Math.floor(row), height - 2);
    const [right, down] = [column - left, row - top];
    for (let channel = 0; channel < channels; channel++) {
      const from = (channel * height + top) * width + left;
      const above = data[from] * (1 - right) + data[from + 1] * right;
      const below = data[from + width] * (1 - right) + data[from + width + 1] * right;
      made[channel * x.length + at] = above * (1 - down) + below * down;
    }
  }
  return made;
}

/** Half of the difference of the means on both sides, the larger of across and down. */
export function slopesOf(means: Means): Means {
  const { channels, height, width, data } = means;
  const slopes = new Float64Array(data.length);
  for (let channel = 0, at = 0; channel < channels; channel++) {
    const first = channel * height * width;
    for (let row = 0; row < height; row++) {
      const above = first + Math.max(row - 1, 0) * width;
      const below = first + Math.min(row + 1, height - 1) * width;
      for (let column = 0; column < width; column++, at++) {
        const left = data[at - Number(column > 0)];
        const right = data[at + Number(column < width - 1)];
        const across = Math.abs(right - left) / 2;
        slopes[at] = Math.max(across, Math.abs(data[below + column] - data[above + column]) / 2);
      }
    }
  }
  return { ...means, data: slopes };
}
