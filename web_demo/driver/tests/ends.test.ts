/** What a stage gives is held against what the driver joins, before anything runs. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Variant } from "../src/bundle/manifest.js";
import { opened, readBundle } from "../src/bundle/reading.js";
import { type Driver, STAGES } from "../src/bundle/stage_record.js";
import { Refusal } from "../src/refusal.js";
import { checkEnds } from "../src/stages/ends.js";
import { madeFile } from "./files.js";

describe("the ends of the shipped stages", () => {
  let variant: Variant;
  let driver: Driver;

  beforeAll(async () => {
    const whole = opened(await readBundle(madeFile("burst_zoom_x2.zip")));
    variant = whole.variant("fp32");
    driver = whole.driver(variant);
  });

  it("fit", () => {
    expect(() => checkEnds(driver, variant)).not.toThrow();
  });

  it.each(STAGES)("are refused where %s gives something else", (stage) => {
    const graphs = variant.graphs.map((graph) => {
      const shape = graph.output.shape.map((side, axis) => (axis === 2 ? side + 1 : side));
      return graph.stage === stage ? { ...graph, output: { ...graph.output, shape } } : graph;
    });
    const check = (): void => checkEnds(driver, { ...variant, graphs });
    expect(check).toThrow(Refusal);
    expect(check).toThrow(new RegExp(`as ${stage} must`));
  });

  it.each([-1, 0, 1000])("are refused where constants have a margin of %i px", (halo) => {
    const table = ((module: Parameters<Driver["table"]>[0]) => {
      const known = driver.table(module);
      return "HALO_PX" in known ? { ...known, HALO_PX: halo } : known;
    }) as Driver["table"];
    expect(() => checkEnds({ ...driver, table }, variant)).toThrow(Refusal);
  });

  it("are refused where search takes fewer pixels than shifts", () => {
    const shapes = { ...driver.shapes, search: [1, 20, 1, 16] as const };
    expect(() => checkEnds({ ...driver, shapes }, variant)).toThrow(/fewer than 17/);
  });
});
