/** Golden vectors and golden bursts of the shipped model, on WASM in Node. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Bundle,
  liteRtRunner,
  type Precision,
  readBundle,
  type StageRunner,
  selfTest,
} from "../src/index.js";
import { madeFile } from "./files.js";
import { wasmFolder } from "./node_scope.js";

const wasmUrl = wasmFolder();

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
  });
});
