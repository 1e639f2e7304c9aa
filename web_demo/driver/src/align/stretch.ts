/** Dark and dull pictures stretched, so that half precision holds what they show. */
import type { Plane } from "../frame.js";
import type { Stages } from "../stages/stages.js";

const fround = Math.fround;

/** A factor, a power of two, and the value that becomes ½. */
export interface Stretch {
  readonly factor: number;
  readonly middle: number;
}

/** What a reference is stretched by, told by its finest level. */
export function stretchOf(stages: Stages, level: Plane): Stretch {
  const table = stages.table("registration.alignment.stretch");
  let sum = 0;
  for (const value of level.data) sum += value;
  const mean = sum / level.data.length;
  let squares = 0;
  for (const value of level.data) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / level.data.length);
  if (deviation > table.CONTRAST / 2) return { factor: 1, middle: 0.5 };
  const asked = Math.log2(table.CONTRAST / Math.max(deviation, table.CONTRAST / table.MOST));
  return { factor: 2 ** Math.floor(asked), middle: mean };
}

/** ½ + factor·(level − middle), in float32. */
export function stretched(level: Plane, { factor, middle }: Stretch): Plane {
  if (factor === 1) return level;
  const from = fround(middle);
  const data = level.data.map((value) => 0.5 + fround(fround(value - from) * factor));
  return { ...level, data };
}
