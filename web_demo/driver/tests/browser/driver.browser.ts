/** The package as it ships, in Chromium: on WASM and on WebGPU, against the SDK's own driver. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SelfTest } from "../../src/index.js";
import { expectedBurst } from "../files.js";
import { type Opened, open } from "./chromium.js";
import type { Asked } from "./page.js";

const BURST = expectedBurst();
const SIZE = [BURST.width, BURST.height] as const;
const WASM: Asked = { bundle: "burst_zoom_x2", backend: "wasm", precision: "fp32" };
const GPU: Asked = { bundle: "burst_zoom_x2", backend: "webgpu", precision: "fp32" };

/** Decibels of all vectors and steps of a self-test. */
function told({ stages, bursts }: SelfTest): string {
  const graphs = stages.map(({ stage, decibels }) => `${stage} ${decibels.toFixed(1)} dB`);
  const steps = bursts.flatMap((burst) => [
    `${burst.name} ${burst.decibels.toFixed(1)} dB`,
    ...burst.steps.map(({ step, found, unit }) => `${step} ${found.toPrecision(3)} ${unit}`),
  ]);
  return [...graphs, ...steps].join(", ");
}

describe.each([
  ["one thread", false],
  ["threads", true],
] as const)("on WASM with %s", (_, isolated) => {
  let opened: Opened;

  beforeAll(async () => {
    opened = await open(isolated);
  });
  afterAll(() => opened.close());

  it("runs where memory may be shared, or may not", async () => {
    expect(await opened.ask("isolated")).toBe(isolated);
  });

  it.each(["fp32", "int8"] as const)("zooms as Python does in %s", async (precision) => {
    const asked = { ...WASM, precision };
    const found = await opened.ask("zoom", asked, "frames.rgb", SIZE, `picture-${precision}.f32`);
    const expected = BURST[precision];
    console.info(
      `WASM ${precision}: ${found.decibels.toFixed(1)} dB, ${found.most} levels at most`,
    );
    expect(found.reference).toBe(expected.reference);
    expect(found.used, found.reasons.join()).toEqual(expected.used);
    // One code of an int8 input moves codes of the output by several steps, each a level.
    expect(found.most).toBeLessThanOrEqual(precision === "fp32" ? 2 : 8);
    expect(found.decibels).toBeGreaterThan(precision === "fp32" ? 80 : 50);
    expect(found.steps).toEqual(["score", "align", "reference", "merge", "decode"]);
  });

  it("passes all golden vectors and bursts", async () => {
    const found = await opened.ask("selfTest", WASM, true);
    expect(found.reason).toBe("");
    expect(found.dispatches).toBeUndefined();
    expect(found.bursts).toHaveLength(8);
    expect(found.decibels).toBeGreaterThan(100);
  });

  it.each(["sr_x2_y", "denoise_rgb"])("enhances a picture by %s as Python does", async (bundle) => {
    const asked = { ...WASM, bundle };
    const found = await opened.ask("enhance", asked, "frames.rgb", SIZE, `${bundle}.rgb`);
    expect(found.most).toBeLessThanOrEqual(1);
  });

  it("stops within a step when it is canceled, and works on", async () => {
    const found = await opened.ask("cancel", WASM, "frames.rgb", SIZE, "score");
    expect(found.name).toBe("AbortError");
    expect(new Set(found.after)).not.toContain("merge");
    expect(found.again).toBe(true);
  });
});

describe("on WebGPU", () => {
  let opened: Opened;

  beforeAll(async () => {
    opened = await open(true);
  });
  afterAll(() => opened.close());

  it("computes on the GPU, and zooms as Python does", async () => {
    const found = await opened.ask("zoom", GPU, "frames.rgb", SIZE, "picture-fp32.f32");
    console.info(`WebGPU fp32: ${found.decibels.toFixed(1)} dB, ${found.most} levels at most`);
    expect(found.dispatches).toBeGreaterThan(100);
    expect(found.reference).toBe(BURST.fp32.reference);
    expect(found.used, found.reasons.join()).toEqual(BURST.fp32.used);
    // Both round to 8 bits.
    expect(found.decibels).toBeGreaterThan(80);
  });

  it("passes all golden vectors and a golden burst, step by step", async () => {
    const found = await opened.ask("selfTest", GPU, 1);
    console.info(`WebGPU fp32: ${told(found)}`);
    expect(found.reason).toBe("");
    expect(found.dispatches).toBeGreaterThan(100);
    expect(found.decibels).toBeGreaterThan(100);
  });

  it("leaves no operator of a graph to the processor", () => {
    // LiteRT tells each graph that it begins, and what of it the GPU does not take.
    const begun = opened.log.filter((line) => line.includes("WebGPU-based API from graph"));
    expect(begun.length).toBeGreaterThanOrEqual(10);
    expect(opened.log.filter((line) => /not supported by GPU|run on the CPU/.test(line))).toEqual(
      [],
    );
  });

  it("in halves has each graph right, and a burst shows that they do not add up", async () => {
    const found = await opened.ask("selfTest", { ...GPU, precision: "fp16" }, 1);
    console.info(`WebGPU fp16: ${told(found)}`);
    for (const { stage, decibels, gate } of found.stages)
      expect(decibels, stage).toBeGreaterThan(gate);
    // No frame matches the reference: what passes graph by graph may still make no picture.
    expect(found.passes).toBe(false);
    expect(found.reason).toMatch(/^the burst 'usual': the frames merged: /);
  });

  it("refuses what a GPU does not run, and says what to do", async () => {
    const asked = { ...GPU, precision: "int8" } as const;
    await expect(opened.ask("selfTest", asked, false)).rejects.toThrow(/take/);
  });
});

describe("what is wrong", () => {
  it("is said in one line, by kind, with what to do", async () => {
    const opened = await open(false);
    const said = await opened.ask("refusals");
    await opened.close();
    const all = said.join("\n");
    for (const line of said)
      expect(line, all).toMatch(/^(input|container|loading|runtime): [^\n]+[;:,] [^\n]+$/);
    expect(said.map((line) => line.split(":")[0])).toEqual([
      "input",
      "container",
      "loading",
      "input",
      "runtime",
      "input",
      "input",
      "runtime",
      "runtime",
    ]);
  });
});
