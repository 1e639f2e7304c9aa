/** A bundle for single pictures on WASM in Node: what is refused, and what still works afterwards. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Manifest, PictureEntry } from "../src/bundle/manifest.js";
import { OpenBundle, opened, readBundle } from "../src/bundle/reading.js";
import { enhance, liteRtRunner, type Rgb8, type RunnerOptions } from "../src/index.js";
import { madeFile } from "./files.js";
import { wasmFolder } from "./node_scope.js";

const OPTIONS: RunnerOptions = { backend: "wasm", precision: "fp32", wasmUrl: wasmFolder() };

describe("sr_x2_y", () => {
  let whole: OpenBundle;
  let picture: Rgb8;

  beforeAll(async () => {
    whole = opened(await readBundle(madeFile("sr_x2_y.zip")));
    const [, side] = whole.variant("fp32").graphs[0].input.shape;
    picture = { width: side, height: side, data: new Uint8Array(3 * side ** 2).fill(90) };
  });

  function saying(change: Partial<Manifest>): OpenBundle {
    const manifest = { ...whole.manifest, ...change };
    return new OpenBundle(manifest, whole.sha256, false, whole.golden, new Map(), whole.container);
  }

  it("keeps a picture of one color", async () => {
    const runner = await liteRtRunner(whole, OPTIONS);
    const made = await enhance(whole, runner, picture);
    runner.close();
    expect([made.width, made.height]).toEqual([2 * picture.width, 2 * picture.height]);
    expect(made.data.every((value) => Math.abs(value - 90) <= 2)).toBe(true);
  });

  it("takes three values a pixel, no fewer and no more", async () => {
    const runner = await liteRtRunner(whole, OPTIONS);
    for (const count of [0, picture.width ** 2, 4 * picture.width ** 2]) {
      const other = { ...picture, data: new Uint8Array(count) };
      await expect(enhance(whole, runner, other)).rejects.toMatchObject({ kind: "input" });
    }
    runner.close();
  });

  it.each([
    { color: "cmyk" },
    { color: "rgb" },
    { halo_px: -1 },
    { halo_px: 1 << 20 },
    { size_multiple: 0 },
    { size_multiple: -8 },
    { size_multiple: 1 << 20 },
    { scale: 3 },
    { reduction: 2 },
  ] as readonly Partial<PictureEntry>[])("is refused as one of %o", async (change) => {
    const known = whole.manifest.picture;
    if (known === undefined) throw new Error("the bundle is for no pictures");
    const other = saying({ picture: { ...known, ...change } });
    const runner = await liteRtRunner(other, OPTIONS);
    await expect(enhance(other, runner, picture)).rejects.toMatchObject({ kind: "graph" });
    runner.close();
  });

  it("is refused where its file has other ends, and runs when it is read anew", async () => {
    const variants = whole.manifest.variants.map((variant) => {
      const graphs = variant.graphs.map((graph) => {
        return { ...graph, output: { ...graph.output, shape: [1, 1, 1, 1] } };
      });
      return { ...variant, graphs };
    });
    for (let turn = 0; turn < 3; turn++) {
      const opening = liteRtRunner(saying({ variants }), OPTIONS);
      await expect(opening).rejects.toMatchObject({ kind: "graph" });
    }
    const runner = await liteRtRunner(whole, OPTIONS);
    expect((await enhance(whole, runner, picture)).width).toBe(2 * picture.width);
    runner.close();
  });

  it("computes halves on a GPU from fp32, whatever another target has", () => {
    const fp32 = whole.variant("fp32");
    const both = saying({ variants: [{ ...fp32, target: "coreml", precision: "fp16" }, fp32] });
    expect(both.variantFor("webgpu", "fp16")).toBe(fp32);
    const own = { ...fp32, precision: "fp16" };
    expect(saying({ variants: [fp32, own] }).variantFor("webgpu", "fp16")).toBe(own);
  });
});
