/** The lens that explains the power of blocks best: scenes have more fine detail than is left. */
import { solved } from "../numbers.js";
import type { Stages } from "../stages/stages.js";
import type { Powers } from "./spectrum.js";

/** What rings say: logarithms less what scenes have, their variances, and frequencies. */
interface Rings {
  readonly level: readonly number[];
  readonly variance: readonly number[];
  readonly frequency: readonly number[];
  /** [rings, 3]: 1, x, x² less its mean. */
  readonly basis: readonly (readonly [number, number, number])[];
}

/**
 * The mean of all lenses, each by how well it explains powers that are summed over blocks.
 *
 * @returns pixels of a frame; `undefined` where none does, or where that says hardly anything.
 */
export function lensOf(stages: Stages, powers: Powers, blocks: number): number | undefined {
  const table = stages.table("burst.lens.estimate");
  const rings = ringsOf(stages, powers, blocks);
  if (rings === undefined) return undefined;
  const most = stages.table("burst.stages.blur").MAX_LENS_PX;
  const blurs = Array.from({ length: table.STEPS + 1 }, (_, step) => (most * step) / table.STEPS);
  const fits = blurs.map((blur) => fitOf(table, rings, blur));
  const best = fits.reduce((found, fit) => (fit.misfit < found.misfit ? fit : found), fits[0]);
  const likelihood = fits.map((fit) => Math.exp(-0.5 * (fit.misfit - best.misfit)));
  const total = likelihood.reduce((sum, value) => sum + value, 0);
  const mean = likelihood.reduce((sum, value, at) => sum + value * blurs[at], 0) / total;
  const squares = likelihood.reduce((sum, value, at) => sum + value * (blurs[at] - mean) ** 2, 0);
  const spread = Math.sqrt(squares / total);
  const unlike =
    best.misfit > table.MOST_MISFIT * (rings.level.length - 2) ||
    best.slope > table.MOST_SLOPE * table.SLOPE_STD;
  return unlike || spread > table.MOST_SPREAD_PX ? undefined : mean;
}

function ringsOf(stages: Stages, powers: Powers, blocks: number): Rings | undefined {
  const table = stages.table("burst.lens.estimate");
  const spectrum = stages.table("burst.lens.spectrum");
  const expected = stages.driver.list("burst.lens.estimate.MEAN_LOG_POWER");
  const count = expected.length;
  const { common, own, modes } = ringMeans(powers, spectrum.BLOCK_PX, spectrum.RINGS);
  const ring = Array.from({ length: count }, (_, at) => at + table.FIRST_RING);
  const share = ring.map((k) => common[k] / Math.max(own[k], 1e-12));
  const end = share.findIndex((each) => each < table.LEAST_COMMON);
  const known = end < 0 ? count : end;
  if (known < table.LEAST_RINGS) return undefined;
  const scale = stages.table("burst.lens.halves").SCALE;
  const frequency = ring.map((k) => (scale * (k + 0.5)) / (2 * spectrum.RINGS));
  const mean = frequency.reduce((sum, f) => sum + Math.log(f), 0) / count;
  const x = frequency.map((f) => Math.log(f) - mean);
  const bend = x.reduce((sum, value) => sum + value ** 2, 0) / count;
  const kept = ring.slice(0, known);
  return {
    level: kept.map((k, at) => Math.log(common[k]) - expected[at]),
    variance: kept.map((k, at) => {
      const chance = (1 / share[at] ** 2 + 1) / ((2 * blocks * modes[k]) / 4);
      return chance + (table.DISTRUST * (1 / share[at] - 1)) ** 2 + table.RING_STD ** 2;
    }),
    frequency: frequency.slice(0, known),
    basis: x.slice(0, known).map((value) => [1, value, value ** 2 - bend] as const),
  };
}

/** Means over the frequencies of each ring, and their number. */
function ringMeans(
  powers: Powers,
  side: number,
  rings: number,
): { readonly common: Float64Array; readonly own: Float64Array; readonly modes: Float64Array } {
  const count = 2 * rings + 1;
  const common = new Float64Array(count);
  const own = new Float64Array(count);
  const modes = new Float64Array(count);
  const half = side / 2 + 1;
  for (let row = 0, at = 0; row < side; row++) {
    const down = (row < side / 2 ? row : row - side) / side;
    for (let column = 0; column < half; column++, at++) {
      const ring = Math.floor(Math.hypot(down, column / side) * 2 * rings);
      common[ring] += powers.common[at];
      own[ring] += powers.own[at];
      modes[ring]++;
    }
  }
  return {
    common: common.map((sum, ring) => sum / modes[ring]),
    own: own.map((sum, ring) => sum / modes[ring]),
    modes,
  };
}

/** Misfit of a lens, and the slope that the scene then has. */
function fitOf(
  table: { readonly SLOPE_STD: number; readonly BEND_STD: number },
  rings: Rings,
  blur: number,
): { readonly misfit: number; readonly slope: number } {
  const normal = Float64Array.of(
    1e-3,
    0,
    0,
    0,
    table.SLOPE_STD ** -2,
    0,
    0,
    0,
    table.BEND_STD ** -2,
  );
  const right = new Float64Array(3);
  let squares = 0;
  for (const [at, row] of rings.basis.entries()) {
    const left = rings.level[at] + 4 * Math.PI ** 2 * blur ** 2 * rings.frequency[at] ** 2;
    const weight = 1 / rings.variance[at];
    squares += left ** 2 * weight;
    for (let i = 0; i < 3; i++) {
      right[i] += row[i] * weight * left;
      for (let j = 0; j < 3; j++) normal[3 * i + j] += row[i] * weight * row[j];
    }
  }
  const parts = solved(normal, right, 3);
  const explained = right[0] * parts[0] + right[1] * parts[1] + right[2] * parts[2];
  return { misfit: squares - explained, slope: parts[1] };
}
