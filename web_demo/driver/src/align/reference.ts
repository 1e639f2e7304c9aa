/** What a reference is prepared by: its levels, its points, and itself searched for on itself. */
import type { Plane } from "../frame.js";
import { type Searched, searched } from "../stages/search.js";
import type { Stages } from "../stages/stages.js";
import { only, type Points, pointsOf } from "./points.js";
import { type Stretch, stretched, stretchOf } from "./stretch.js";

/** Shift that is searched in any case. */
const MAX_SHIFT_PX = 64;
/** Pixels from which on a level is not compared. */
const MAX_PIXELS = 4_000_000;

/** What a level differs by from its surroundings, and k, by which it is compressed. */
interface High {
  readonly plane: Plane;
  readonly k: number;
}

/** A reference, prepared once for all frames. */
export interface Reference {
  /** From the finest that is compared. */
  readonly levels: readonly Plane[];
  readonly points: readonly Points[];
  /** Some points of the finest, by which frames are accepted. */
  readonly judged: Points;
  /** Levels that are too large to be compared, by their sizes. */
  readonly larger: readonly { readonly height: number; readonly width: number }[];
  /** Largest shift that is searched, on the frame. */
  readonly reachPx: number;
  /** The same on the coarsest level. */
  readonly reach: number;
  readonly high: High;
  /** B of the coarsest level searched for on itself, by −n. */
  readonly own: Float64Array;
  /** How `expand` and `align` see levels. */
  readonly stretch: Stretch;
}

export async function prepared(stages: Stages, luma: Plane): Promise<Reference> {
  const table = stages.table("registration.alignment.global_motion");
  const every = await levelsOf(stages, luma);
  const small = every.filter((level) => level.height * level.width <= MAX_PIXELS);
  const levels = small.length > 0 ? small : every.slice(-1);
  const points: Points[] = [];
  const stretch = stretchOf(stages, levels[0]);
  for (const [index, level] of levels.entries()) {
    const most = index === 0 ? table.FINE_POINTS : table.COARSE_POINTS;
    points.push(await pointsOf(stages, stretched(level, stretch), most));
  }
  const share = stages.table("registration.registrar").SEARCHED_SHARE;
  const reachPx = Math.max(MAX_SHIFT_PX, share * Math.min(luma.height, luma.width));
  const reach = Math.ceil(reachPx / 2 ** (every.length - 1));
  const high = await highOf(stages, levels[levels.length - 1]);
  const found = await searched(stages, high.plane, high.plane, [high.k, high.k], reach);
  return {
    levels,
    points,
    judged: judgedOf(stages, points[0]),
    larger: every.slice(0, every.length - levels.length).map(({ height, width }) => ({
      height,
      width,
    })),
    reachPx,
    reach,
    high,
    own: found.square.reverse(),
    stretch,
  };
}

/** Blocks that acceptance is told by, evenly over the level. */
function judgedOf(stages: Stages, finest: Points): Points {
  const most = stages.table("registration.alignment.global_motion").JUDGED_BLOCKS;
  if (finest.blocks <= most) return finest;
  const golden = stages.table("registration.alignment.points").GOLDEN;
  const chosen = new Set<number>();
  for (let k = 0; k < most; k++) chosen.add(Math.floor(finest.blocks * ((golden * k) % 1)));
  return only(
    finest,
    [...chosen].sort((one, other) => one - other),
  );
}

/** Levels of luma, finest first. */
export async function levelsOf(stages: Stages, luma: Plane): Promise<readonly Plane[]> {
  const coarsestPx = stages.table("registration.alignment.levels").COARSEST_PX;
  let level = await stages.whole("smooth", luma);
  const levels = [level];
  while (Math.min(level.height, level.width) >> 1 >= coarsestPx) {
    level = await stages.whole("halve", level);
    levels.push(level);
  }
  return levels;
}

/** Shifts by which the coarsest level of a frame may lie off, best first. */
export async function wholeShifts(
  stages: Stages,
  reference: Reference,
  level: Plane,
): Promise<readonly { readonly x: number; readonly y: number }[]> {
  const table = stages.table("registration.alignment.peaks");
  const { plane, k } = await highOf(stages, level);
  const own = reference.high;
  const found = await searched(stages, own.plane, plane, [own.k, k], reference.reach);
  const evidence = evidenceOf(stages, found, reference.own, level);
  const across = 2 * found.reachX + 1;
  const best = evidence.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (best < table.NOTHING) return [{ x: 0, y: 0 }];
  const peaks: { readonly own: number; readonly x: number; readonly y: number }[] = [];
  for (let at = 0; at < evidence.length; at++) {
    if (evidence[at] <= -1 || !isPeak(evidence, at, across)) continue;
    const [row, column] = [Math.floor(at / across), at % across];
    peaks.push({ own: evidence[at], x: column - found.reachX, y: row - found.reachY });
  }
  peaks.sort((one, other) => other.own - one.own);
  const least = Math.max(table.OTHER_PEAK * best, table.LEAST_PEAK);
  return peaks.slice(0, table.PEAKS).filter((peak) => peak.own === best || peak.own >= least);
}

function evidenceOf(
  stages: Stages,
  found: Searched,
  own: Float64Array,
  level: Plane,
): Float64Array {
  const table = stages.table("registration.alignment.peaks");
  const across = 2 * found.reachX + 1;
  return found.cross.map((cross, at) => {
    const y = Math.floor(at / across) - found.reachY;
    const x = (at % across) - found.reachX;
    const share = (1 - Math.abs(y) / level.height) * (1 - Math.abs(x) / level.width);
    if (share < table.LEAST_OVERLAP) return -1;
    const correlation = cross / Math.sqrt(own[at] * found.square[at] + table.FLAT ** 2);
    return correlation * Math.sqrt(share) - table.TIE * Math.hypot(x, y);
  });
}

/** Whether no neighbor exceeds a value. */
function isPeak(values: Float64Array, at: number, across: number): boolean {
  const column = at % across;
  for (let down = -1; down <= 1; down++) {
    for (let right = -1; right <= 1; right++) {
      const beside = column + right;
      if (beside >= 0 && beside < across && values[at + down * across + right] > values[at]) {
        return false;
      }
    }
  }
  return true;
}

async function highOf(stages: Stages, level: Plane): Promise<High> {
  const plane = await stages.whole("surround", level);
  let sum = 0;
  for (const value of plane.data) sum += value * value;
  const share = stages.table("registration.stages.search").COMPRESSION;
  return { plane, k: share * Math.sqrt(sum / plane.data.length) };
}
