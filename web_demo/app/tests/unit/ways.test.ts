import type { SelfTest } from "@edge-sdk/burst-driver";
import { expect, it } from "vitest";
import { chosenOf, keyOf, type Tested, waysOf } from "../../src/jobs/ways";

function tested(backend: "wasm" | "webgpu", milliseconds: number, passes = true): Tested {
  const test: SelfTest = {
    backend,
    precision: "fp32",
    decibels: passes ? 120 : 12,
    gate: 80,
    passes,
    milliseconds,
    stages: [],
    bursts: [],
    reason: passes ? "" : "encode 12 dB",
  };
  return { backend, precision: "fp32", test };
}

it("takes the fastest that passes, and says why", () => {
  const choice = chosenOf([tested("wasm", 90), tested("webgpu", 30)]);
  expect(choice).toEqual({
    way: { backend: "webgpu", precision: "fp32" },
    why: "WebGPU fp32 passes its self-test in 30 ms, WASM fp32 in 90.",
  });
});

it("never takes what fails, however fast", () => {
  const choice = chosenOf([
    tested("webgpu", 1, false),
    tested("wasm", 90),
    { backend: "webgpu", precision: "int8", failure: "no device" },
  ]);
  expect(choice?.way.backend).toBe("wasm");
  expect(choice?.why).toContain("2 of 3 ways fail");
  expect(chosenOf([tested("wasm", 1, false)])).toBeUndefined();
});

it("offers a GPU only where there is one", () => {
  expect(waysOf(["fp32", "int8"], false).map(({ backend }) => backend)).toEqual(["wasm", "wasm"]);
  expect(waysOf(["fp32", "int8"], true).map(keyOf)).toEqual([
    "wasm fp32",
    "wasm int8",
    "webgpu fp32",
    "webgpu fp16",
  ]);
});
