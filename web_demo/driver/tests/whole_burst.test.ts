/** A whole burst, in floats, against the SDK's driver with the same artifacts in LiteRT. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signalOverNoise } from "../src/bundle/golden.js";
import type { Frame } from "../src/frame.js";
import {
  type Bundle,
  liteRtRunner,
  type Rgb8,
  readBundle,
  type StageRunner,
  zoomBurst,
} from "../src/index.js";
import { shiftsOf } from "../src/merge/shifts.js";
import type { Matrix } from "../src/numbers.js";
import { type Made, makeZoom } from "../src/zoom.js";
import { expectedBurst, madeFile } from "./files.js";
import { wasmFolder } from "./node_scope.js";

const BURST = expectedBurst();
const SCALE = 2;

function frames(): readonly Rgb8[] {
  const { count, width, height } = BURST;
  const all = madeFile("frames.rgb");
  const size = 3 * width * height;
  return Array.from({ length: count }, (_, index) => {
    return { width, height, data: all.slice(index * size, (index + 1) * size) };
  });
}

/** Whole shifts ⌊u + ½⌋ of all columns at the rows of the lattice, x first. */
function wholeShifts({ burst }: Made, matrix: Matrix): readonly number[] {
  const [size] = burst.frames;
  const { x, y } = shiftsOf(burst.stages, matrix, { top: 0, left: 0, ...sizeOf(size) }, size);
  return [...x, ...y].map((shift) => Math.floor(shift + 0.5));
}

function sizeOf({ height, width }: Frame): { readonly height: number; readonly width: number } {
  return { height, width };
}

describe.each([
  ["fp32", 80, 2],
  // One code of the input moves codes of the output by several steps, each a level.
  ["int8", 45, 8],
] as const)("in %s", (precision, leastDecibels, mostLevels) => {
  const expected = BURST[precision];
  let bundle: Bundle;
  let runner: StageRunner;
  let made: Made;
  const picture = new Float32Array(3 * SCALE ** 2 * BURST.width * BURST.height);

  beforeAll(async () => {
    bundle = await readBundle(madeFile("burst_zoom_x2.zip"));
    runner = await liteRtRunner(bundle, { backend: "wasm", precision, wasmUrl: wasmFolder() });
    made = await makeZoom(bundle, runner, frames(), (row, rows) => {
      picture.set(rows.data, 3 * SCALE * BURST.width * row);
    });
  });
  afterAll(() => runner.close());

  it("has the same picture", () => {
    const raw = madeFile(`picture-${precision}.f32`);
    const known = new Float32Array(raw.buffer);
    const found = picture.map((value) => Math.min(Math.max(value, 0), 1));
    const decibels = signalOverNoise([...found], [...known]);
    const most = found.reduce(
      (apart, value, at) => Math.max(apart, Math.abs(value - known[at])),
      0,
    );
    console.info(
      `${precision}: ${decibels.toFixed(1)} dB, ${(255 * most).toFixed(4)} levels at most`,
    );
    expect(decibels).toBeGreaterThan(leastDecibels);
    expect(255 * most).toBeLessThanOrEqual(mostLevels);
  });

  it("chooses the same reference, and leaves the same frames out", () => {
    expect(made.burst.reference).toBe(expected.reference);
    const used = made.burst.frames.flatMap((_, index) => {
      return index === made.burst.reference || !made.burst.found.get(index)?.reason ? [index] : [];
    });
    expect(used).toEqual(expected.used);
    expect(made.hot.length).toBe(expected.hot);
  });

  it("finds the same motions, and the same whole shifts", () => {
    for (const index of expected.used) {
      if (index === expected.reference) continue;
      const found = made.burst.found.get(index)?.matrix ?? new Float64Array(9);
      for (const [at, value] of expected.motions[index].entries()) {
        expect(Math.abs(found[at] - value)).toBeLessThan(at === 2 || at === 5 ? 2e-3 : 2e-5);
      }
      const known = Float64Array.from(expected.motions[index]);
      expect(wholeShifts(made, found)).toEqual(wholeShifts(made, known));
    }
  });

  it("measures the same scores, noise, lens and shares", () => {
    for (const [index, score] of expected.scores.entries()) {
      expect(Math.abs(made.burst.scores[index] / score - 1)).toBeLessThan(1e-3);
    }
    expect(Math.abs(made.noise.std / expected.noise - 1)).toBeLessThan(1e-3);
    expect(Math.abs(made.lensPx - expected.lens)).toBeLessThan(1e-3);
    for (const [index, share] of made.shares) {
      expect(Math.abs(share - expected.shares[index])).toBeLessThan(1e-3);
    }
  });

  it("tells where each place came from", () => {
    const { weightMap, agreementMap } = made;
    expect(weightMap.height).toBe(Math.ceil(BURST.height / 4));
    expect(weightMap.width).toBe(Math.ceil(BURST.width / 4));
    const mean = weightMap.data.reduce((sum, value) => sum + value, 0) / weightMap.data.length;
    const shares = [...made.shares.values()].reduce((sum, share) => sum + share, 0);
    expect(Math.abs(mean - 1 - shares)).toBeLessThan(0.05);
    expect(agreementMap.data.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

describe("with fields of motion, as `edge-sdk zoom` has them", () => {
  it("the picture is nearly the same", async () => {
    const bundle = await readBundle(madeFile("burst_zoom_x2.zip"));
    const options = { backend: "wasm", precision: "fp32", wasmUrl: wasmFolder() } as const;
    const runner = await liteRtRunner(bundle, options);
    const made = await zoomBurst(bundle, runner, frames());
    runner.close();
    const decibels = signalOverNoise([...made.picture.data], [...madeFile("zoomed.rgb")]);
    console.info(`with fields: ${decibels.toFixed(1)} dB`);
    expect(decibels).toBeGreaterThan(80);
  });
});
