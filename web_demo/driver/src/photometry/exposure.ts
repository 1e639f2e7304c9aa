/** How frames are exposed, before anything is aligned: quantiles of their green, in stops. */
import type { Frame } from "../frame.js";
import { lowerMedian, sortedQuantile } from "../numbers.js";
import type { Stages } from "../stages/stages.js";
import { meansOf } from "./means.js";

const [FIRST, LAST] = [0.02, 0.98];
const KNEE = 0.04045;
const SLOPE = 12.92;

/** Light of a frame at its quantiles, and which of them are not clipped. */
export interface Exposure {
  readonly stops: Float64Array;
  readonly usable: readonly boolean[];
}

export function exposureOf(stages: Stages, frame: Frame): Exposure {
  const light = stages.table("burst.photometry.light");
  const table = stages.table("burst.photometry.exposure");
  const every = Math.floor(table.SPACING_PX / light.MEAN_PX);
  const means = meansOf(frame, light.MEAN_PX);
  const green: number[] = [];
  for (let row = 0; row < means.height; row += every) {
    const from = (means.height + row) * means.width;
    green.push(...means.data.subarray(from, from + means.width));
  }
  const sorted = Float64Array.from(green).sort();
  const levels = Float64Array.from({ length: table.QUANTILES }, (_, at) =>
    sortedQuantile(sorted, FIRST + ((LAST - FIRST) * at) / (table.QUANTILES - 1)),
  );
  const stops = levels.map((level) => {
    const curve = ((level + light.TOE) / (1 + light.TOE)) ** table.CURVE_POWER;
    return Math.log2(Math.max(level <= KNEE ? level / SLOPE : curve, table.BLACK));
  });
  const usable = Array.from(levels, (level) => level > light.DARKEST && level < light.BRIGHTEST);
  return { stops, usable };
}

/** How many stops two frames are apart; infinite where too little can be compared. */
export function stopsApart(stages: Stages, one: Exposure, other: Exposure): number {
  const table = stages.table("burst.photometry.exposure");
  const known: number[] = [];
  for (let at = 0; at < one.usable.length; at++) {
    if (one.usable[at] && other.usable[at]) known.push(one.stops[at] - other.stops[at]);
  }
  if (known.length < table.LEAST_QUANTILES) return Number.POSITIVE_INFINITY;
  return Math.abs(lowerMedian(known));
}

/** By how many stops a frame is darker at all quantiles of the reference; 0 where that is unknown. */
export function stopsDarker(stages: Stages, frame: Exposure, reference: Exposure): number {
  const table = stages.table("burst.photometry.exposure");
  const known: number[] = [];
  for (let at = 0; at < frame.stops.length; at++) {
    if (reference.usable[at]) known.push(frame.stops[at] - reference.stops[at]);
  }
  return known.length < table.LEAST_QUANTILES ? 0 : Math.max(...known);
}
