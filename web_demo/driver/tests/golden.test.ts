/** Golden vectors and golden bursts of the shipped model, on WASM in Node. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawnFrames } from "../src/bundle/burst_frames.js";
import { type BurstVector, readBursts, type StepValues } from "../src/bundle/burst_vectors.js";
import { BURSTS } from "../src/bundle/names.js";
import { type OpenBundle, opened } from "../src/bundle/reading.js";
import { failedStep, type SeenFeatures, seenFeatures, stepTests } from "../src/burst_steps.js";
import { Frame } from "../src/frame.js";
import {
  type Bundle,
  liteRtRunner,
  type Precision,
  readBundle,
  type StageRunner,
  selfTest,
} from "../src/index.js";
import { differenceOf, stepGates } from "../src/self_test.js";
import type { Planes } from "../src/stages/stages.js";
import { type Made, makeZoom } from "../src/zoom.js";
import { madeFile } from "./files.js";
import { wasmFolder } from "./node_scope.js";

const wasmUrl = wasmFolder();

describe("a golden burst", () => {
  let bundle: OpenBundle;
  let runner: StageRunner;
  let vector: BurstVector;
  let made: Made;
  let first: Frame;
  let seen: SeenFeatures;

  beforeAll(async () => {
    bundle = opened(await readBundle(madeFile("burst_zoom_x2.zip")));
    runner = await liteRtRunner(bundle, { backend: "wasm", precision: "fp32", wasmUrl });
    const vectors = readBursts(bundle.file(BURSTS), BURSTS);
    vector = vectors.find(({ burst }) => burst.name === "flicker")!;
    const frames = drawnFrames(vector.burst);
    first = new Frame(frames[0]);
    const features = (planes: Planes, height: number, width: number): void => {
      seen = seenFeatures(planes, height, width);
    };
    made = await makeZoom(bundle, runner, frames, () => undefined, {}, { features });
  });
  afterAll(() => runner.close());

  const failing = async (changed: Partial<BurstVector>): Promise<string> => {
    const gates = stepGates(bundle, runner);
    return failedStep(await stepTests({ ...vector, ...changed }, made, first, seen, gates));
  };
  /** The value furthest from zero, off by a part. */
  const off = (values: readonly number[], part = 1e-3): readonly number[] => {
    const largest = values.reduce((best, value, at) => {
      return Math.abs(value) > Math.abs(values[best]) ? at : best;
    }, 0);
    return values.map((value, at) => (at === largest ? value * (1 + part) : value));
  };
  const offStep = (known: StepValues): StepValues => ({ ...known, values: off(known.values) });

  it("has no step that fails", async () => {
    expect(vector.lights.some(({ length }) => length === 3)).toBe(true);
    expect(await failing({})).toBe("");
  });

  it("fails at each step whose value is another, by its name", async () => {
    const moved = vector.used.find((index) => index !== vector.reference)!;
    const lit = vector.used.find((index) => vector.lights[index].length === 3)!;
    const instead = <T>(all: readonly T[], at: number, value: T): readonly T[] =>
      all.map((each, index) => (index === at ? value : each));
    const shifted = vector.motions[moved].map((value, at) => (at === 2 ? value + 0.002 : value));
    const changes: readonly (readonly [string, Partial<BurstVector>])[] = [
      ["luma", { luma: offStep(vector.luma) }],
      ["level 0", { levels: instead(vector.levels, 0, offStep(vector.levels[0])) }],
      ["level 1", { levels: instead(vector.levels, 1, offStep(vector.levels[1])) }],
      ["level 2", { levels: [...vector.levels, vector.levels[1]] }],
      ["scores", { scores: off(vector.scores) }],
      [`motion of frame ${moved}`, { motions: instead(vector.motions, moved, shifted) }],
      [`light of frame ${lit}`, { lights: instead(vector.lights, lit, off(vector.lights[lit])) }],
      [`light of frame ${lit}`, { lights: instead(vector.lights, lit, []) }],
      ["noise", { noise: off(vector.noise) }],
      ["noise", { noise: vector.noise.slice(1) }],
      ["lens", { lensPx: vector.lensPx + 0.002 }],
      ["features", { features: offStep(vector.features) }],
      ["features", { features: { ...vector.features, shape: [1, 2, 3, 4] } }],
    ];
    for (const [step, changed] of changes)
      expect(await failing(changed)).toMatch(new RegExp(`^${step}: .+, and (needs|may be) `));
  });

  it("fails where it was decided otherwise", () => {
    expect(differenceOf(vector, made)).toBe("");
    for (const [what, changed] of [
      ["the reference", { reference: vector.reference + 1 }],
      ["the frames merged", { used: vector.used.slice(1) }],
      ["the number of hot pixels", { hot: 3 }],
    ] as const)
      expect(differenceOf({ ...vector, ...changed }, made)).toMatch(new RegExp(`^${what}: `));
  });
});

describe.each(["fp32", "int8"] as const)("burst_zoom_x2 in %s", (precision: Precision) => {
  let bundle: Bundle;
  let runner: StageRunner;

  beforeAll(async () => {
    bundle = await readBundle(madeFile("burst_zoom_x2.zip"));
    runner = await liteRtRunner(bundle, { backend: "wasm", precision, wasmUrl });
  });

  afterAll(() => runner.close());

  it("reproduces all golden vectors and bursts", async () => {
    const found = await selfTest(bundle, runner, { bursts: true });
    expect(found.reason).toBe("");
    // Each step was compared, and none of them is behind what is in int8.
    for (const { name, steps } of found.bursts) {
      const names = steps.map(({ step }) => step.replace(/ \d+$/, ""));
      for (const step of ["luma", "level", "scores", "noise", "lens", "features"])
        expect(names, name).toContain(step);
      if (name !== "one frame") expect(names).toContain("motion of frame");
      for (const { gate, unit, step } of steps)
        expect(unit === "dB" ? gate : 1 / gate, step).toBe(unit === "dB" ? 80 : 1000);
      expect(steps.every(({ unit, found: value }) => unit === "px" || value > 100)).toBe(true);
    }
  });
});
