/** What some frames have lost of what others show: a frame that was cut off has edges, no detail. */
import type { Stages } from "../stages/stages.js";
import type { Blocks, LevelSharpness } from "./sharpness.js";

interface Mask {
  readonly height: number;
  readonly width: number;
  readonly set: Uint8Array;
}

/** Σ S²/(S + P) of frames, without what some of them have lost. */
export function scoresOf(
  stages: Stages,
  measured: readonly (readonly LevelSharpness[])[],
): number[] {
  const table = stages.table("burst.reference.lost_parts");
  const finest = measured.map((levels) => levels[0].blocks);
  const alive = new Float64Array(finest[0].flat.length);
  for (const blocks of finest) {
    const dead = grown(maskOf(blocks, blocks.flat), table.MOTION_BLOCKS).set;
    for (let at = 0; at < alive.length; at++) alive[at] += 1 - dead[at];
  }
  return measured.map((levels, index) => {
    const blocks = finest[index];
    const most = (measured.length - 1) / 2;
    const single = blocks.flat.map((flat, at) => Number(flat && alive[at] > most));
    const lost = ofAreas(maskOf(blocks, single), table.LEAST_LOST_BLOCKS);
    const kept = lost.set.some(Boolean) ? withoutLost(stages, levels, lost) : levels;
    return kept.reduce((sum, { signal, noise }) => {
      return signal > 0 ? sum + signal ** 2 / (signal + noise) : sum;
    }, 0);
  });
}

function maskOf({ height, width }: Blocks, set: Uint8Array): Mask {
  return { height, width, set };
}

/** S and P as if lost blocks of the finest level held noise alone. */
function withoutLost(
  stages: Stages,
  levels: readonly LevelSharpness[],
  lost: Mask,
): { readonly signal: number; readonly noise: number }[] {
  const borderPx = stages.table("burst.reference.lost_parts").BORDER_PX;
  const side = stages.table("burst.stages.score").BLOCK_PX;
  return levels.map(({ signal, noise, blocks }, level) => {
    const factor = 2 ** level;
    const wide = grown(lost, Math.ceil((borderPx * factor) / side));
    const count = blocks.parts.length;
    let [taken, noisy, goneNoisy] = [0, 0, 0];
    for (let row = 0, at = 0; row < blocks.height; row++) {
      for (let column = 0; column < blocks.width; column++, at++) {
        const changes = blocks.flat[at] === 0;
        noisy += Number(changes);
        if (!anyOf(wide, row * factor, column * factor, factor)) continue;
        taken += blocks.parts[at];
        goneNoisy += Number(changes);
      }
    }
    const everywhere = noise / Math.max(noisy / count, 1 / count);
    const lacking = Math.max(taken - (everywhere * goneNoisy) / count, 0);
    return { signal: Math.max(signal - lacking, 0), noise: everywhere };
  });
}

function anyOf(mask: Mask, top: number, left: number, side: number): boolean {
  for (let row = top; row < Math.min(top + side, mask.height); row++) {
    for (let column = left; column < Math.min(left + side, mask.width); column++) {
      if (mask.set[row * mask.width + column]) return true;
    }
  }
  return false;
}

/** A mask with all that lies up to `reach` beside it. */
function grown(mask: Mask, reach: number): Mask {
  const set = new Uint8Array(mask.set.length);
  for (let row = 0, at = 0; row < mask.height; row++) {
    for (let column = 0; column < mask.width; column++, at++) {
      if (!mask.set[at]) continue;
      const left = Math.max(column - reach, 0);
      const right = Math.min(column + reach + 1, mask.width);
      const bottom = Math.min(row + reach + 1, mask.height);
      for (let y = Math.max(row - reach, 0); y < bottom; y++) {
        set.fill(1, y * mask.width + left, y * mask.width + right);
      }
    }
  }
  return { ...mask, set };
}

/** What of a mask lies in areas of so many blocks or more, joined by sides or corners. */
function ofAreas(mask: Mask, least: number): Mask {
  const left = mask.set.slice();
  const kept = new Uint8Array(left.length);
  for (let start = 0; start < left.length; start++) {
    const area: number[] = [];
    const waiting = [start];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (!left[at]) continue;
      left[at] = 0;
      area.push(at);
      const [row, column] = [Math.floor(at / mask.width), at % mask.width];
      for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, mask.height - 1); y++) {
        for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, mask.width - 1); x++) {
          waiting.push(y * mask.width + x);
        }
      }
    }
    if (area.length >= least) for (const at of area) kept[at] = 1;
  }
  return { ...mask, set: kept };
}
