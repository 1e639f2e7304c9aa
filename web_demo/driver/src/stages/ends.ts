/** What each stage must give, so that tiles join: told by what it takes and by the constants. */
import type { Variant } from "../bundle/manifest.js";
import { asTorch, type Driver, type Shape, type Stage } from "../bundle/stage_record.js";
import { Refusal } from "../refusal.js";

const EXPANDED = 10;
const SUMS = 22;

/** Refuses a variant of which a stage gives something else than the driver joins. */
export function checkEnds(driver: Driver, variant: Variant): void {
  const expected = outputsOf(driver);
  for (const { stage, file, output } of variant.graphs) {
    const known = expected[stage as Stage];
    if (known === undefined) continue;
    const found = asTorch(output.shape, output.layout);
    if (Math.min(...known) < 1 || String(found) !== String(known)) {
      throw new Refusal(
        `${file}: gives ${found.join("×")}, not ${known.join("×")} as ${stage} must; ` +
          "pack the bundle anew",
        "graph",
      );
    }
  }
}

/** Shapes of what stages give, in the order N×C×H×W. */
function outputsOf({ scale, shapes, table }: Driver): Readonly<Record<Stage, Shape>> {
  const levels = table("registration.stages.levels");
  const score = table("burst.stages.score");
  const shifts = shapes.search[1] - 3;
  const shrunk = (stage: Stage, channels: number, halo: number, by = 1): Shape => {
    const [, , height, width] = shapes[stage];
    const sides = [height, width].map((side) => Math.floor((side - 2 * halo) / by));
    return [1, channels, sides[0], sides[1]];
  };
  const [, , height, width] = shapes.decode;
  const made: Readonly<Record<Stage, Shape>> = {
    score: shrunk("score", 1, score.HALO_PX, score.BLOCK_PX),
    smooth: shrunk("smooth", 1, levels.SMOOTH_HALO_PX),
    halve: shrunk("halve", 1, levels.HALVE_HALO_PX, 2),
    surround: shrunk("surround", 1, levels.SURROUND_HALO_PX),
    search: [1, 2 * shifts, 1, shifts],
    expand: shrunk("expand", EXPANDED, table("registration.stages.expand").HALO_PX),
    align: [1, SUMS, shapes.align[2], 1],
    encode: shrunk("encode", 4 * scale ** 2 + 1, table("burst.stages.encode").HALO_PX),
    blend: shrunk("blend", 4 * scale ** 2 + 8, table("burst.stages.blend").HALO_PX),
    decode: [1, 3, scale * height, scale * width],
  };
  if (shapes.search[3] < shifts) {
    throw new Refusal(`search takes fewer than ${shifts} pixels; pack the bundle anew`, "graph");
  }
  return made;
}
