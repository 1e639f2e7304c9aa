/** Stage `search` over whole levels: lines in parts, and shifts in blocks. */
import type { Plane } from "../frame.js";
import type { Stages } from "./stages.js";

/** C and B at whole shifts: [2·reachY + 1, 2·reachX + 1] each. */
export interface Searched {
  readonly reachY: number;
  readonly reachX: number;
  readonly cross: Float64Array;
  readonly square: Float64Array;
}

/**
 * Compares a level with another at all shifts up to a reach.
 *
 * @param own h of the reference.
 * @param frame h of the frame, of the same size.
 * @param k by what each is compressed.
 */
export async function searched(
  stages: Stages,
  own: Plane,
  frame: Plane,
  k: readonly [number, number],
  reach: number,
): Promise<Searched> {
  const { height, width } = own;
  const [, channels, , columns] = stages.driver.shapes.search;
  const shifts = channels - 3;
  const length = columns - shifts + 1;
  const reachY = Math.min(reach, height - 1);
  const reachX = Math.min(reach, width - 1);
  const stride = width + 2 * reachX;
  const beside = new Float32Array(height * stride);
  const shown = new Float32Array(height * stride);
  const lines = new Float32Array((height + 2 * reachY) * stride);
  for (let row = 0; row < height; row++) {
    beside.set(own.data.subarray(row * width, (row + 1) * width), row * stride);
    shown.fill(1, row * stride, row * stride + width);
    const to = (row + reachY) * stride + reachX;
    lines.set(frame.data.subarray(row * width, (row + 1) * width), to);
  }
  const [rows, across] = [2 * reachY + 1, 2 * reachX + 1];
  const cross = new Float64Array(rows * across);
  const square = new Float64Array(rows * across);
  const packed = stages.packed("search");
  const share = length / beside.length;
  for (let first = 0; first < beside.length; first += length) {
    for (let y = 0; y < rows; y += shifts) {
      for (let x = 0; x < across; x += shifts) {
        packed.fill(0);
        copyStrided(packed, 0, channels, beside, first, length);
        copyStrided(packed, 1, channels, shown, first, length);
        packed[2] = k[0];
        packed[channels + 2] = k[1];
        for (let down = 0; down < shifts; down++) {
          const start = (y + down) * stride + x + first;
          copyStrided(packed, 3 + down, channels, lines, start, columns);
        }
        const found = (await stages.run("search", packed)).data;
        for (let down = 0; down < Math.min(shifts, rows - y); down++) {
          for (let right = 0; right < Math.min(shifts, across - x); right++) {
            const to = (y + down) * across + x + right;
            cross[to] += found[right * 2 * shifts + down] * share;
            square[to] += found[right * 2 * shifts + shifts + down] * share;
          }
        }
      }
    }
  }
  return { reachY, reachX, cross, square };
}

function copyStrided(
  to: Float32Array,
  channel: number,
  channels: number,
  from: Float32Array,
  start: number,
  length: number,
): void {
  const count = Math.min(length, from.length - start);
  for (let at = 0, place = channel; at < count; at++, place += channels)
    to[place] = from[start + at];
}
