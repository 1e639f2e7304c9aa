/** How sharp a frame is, by the energy of its Laplacian over a pyramid. */
import type { Plane } from "../frame.js";
import { quantile } from "../numbers.js";
import type { Stages } from "../stages/stages.js";

/** Blocks of a level, [height, width]. */
export interface Blocks {
  readonly height: number;
  readonly width: number;
  /** Parts of the energy E. */
  readonly parts: Float64Array;
  /** 1 where nothing changes. */
  readonly flat: Uint8Array;
}

/** Of one level of a frame: S, P, and its blocks. */
export interface LevelSharpness {
  readonly signal: number;
  readonly noise: number;
  readonly blocks: Blocks;
}

/** Measures the luma of a frame; levels from the finest. */
export async function sharpnessOf(stages: Stages, luma: Plane): Promise<readonly LevelSharpness[]> {
  const table = stages.table("burst.reference.gradient_energy");
  const biases = stages.driver.list("burst.reference.gradient_energy.QUIET_BIAS");
  const found: LevelSharpness[] = [];
  let level = luma;
  for (const [index, bias] of biases.entries()) {
    if (index > 0) level = await stages.whole("halve", level);
    found.push(await levelSharpness(stages, level, bias));
    if (Math.min(level.height, level.width) >> 1 < table.SMALLEST_LEVEL_PX) break;
  }
  return found;
}

async function levelSharpness(stages: Stages, level: Plane, bias: number): Promise<LevelSharpness> {
  const table = stages.table("burst.reference.gradient_energy");
  const side = stages.table("burst.stages.score").BLOCK_PX;
  const all = { top: 0, left: 0, height: level.height, width: level.width };
  const means = await stages.tiled("score", level, all, side);
  const [height, width] = [level.height - 2, level.width - 2];
  const parts = Float64Array.from(means.data, (mean) => (mean * side ** 2) / (height * width));
  const [sideY, sideX] = [Math.min(side, height), Math.min(side, width)];
  const rows = Math.floor(height / sideY);
  const columns = Math.floor(width / sideX);
  const changing: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const mean = (means.data[row * means.width + column] * side ** 2) / (sideY * sideX);
      if (mean > table.FLAT) changing.push(mean);
    }
  }
  let noise = 0;
  if (changing.length > 0) {
    const sorted = Float64Array.from(changing).sort();
    const quiet = sorted[Math.max(Math.ceil(table.QUIET_SHARE * sorted.length), 1) - 1];
    noise = ((quiet / bias) * sorted.length) / (rows * columns);
  }
  const energy = parts.reduce((sum, part) => sum + part, 0);
  const flat = Uint8Array.from(parts, (part) => Number(part * parts.length <= table.FLAT));
  const blocks = { height: means.height, width: means.width, parts, flat };
  return { signal: Math.max(energy - noise, 0), noise, blocks };
}

/** Standard deviation of white noise by Immerkær's mask, on the quietest blocks of luma. */
export function noiseOfOne(stages: Stages, luma: Plane): number {
  const table = stages.table("burst.reference.noise");
  const { height, width, data } = luma;
  const side = Math.min(table.BLOCK_PX, height - 2, width - 2);
  const means: number[] = [];
  for (let top = 0; top < height - 1 - side; top += side) {
    for (let left = 0; left < width - 1 - side; left += side) {
      let sum = 0;
      for (let row = top; row < top + side; row++) {
        for (let column = left; column < left + side; column++) {
          sum += Math.abs(response(data, row * width + column, width));
        }
      }
      const mean = sum / side ** 2;
      if (mean >= table.UNCHANGED) means.push(mean);
    }
  }
  const quiet = means.length ? quantile(Float64Array.from(means), table.QUIET_SHARE) : 0;
  return (quiet * Math.sqrt(Math.PI / 2)) / 6 / table.QUIET_BIAS;
}

/** The mask (1 −2 1; −2 4 −2; 1 −2 1) on a pixel and what lies right and below, in float32. */
function response(data: Float32Array, at: number, width: number): number {
  const middle = column(data, at + 1, width);
  return fround(fround(column(data, at, width) + column(data, at + 2, width)) - 2 * middle);
}

function column(data: Float32Array, at: number, width: number): number {
  return fround(fround(data[at] + data[at + 2 * width]) - 2 * data[at + width]);
}

const fround = Math.fround;
