import { expect, it } from "vitest";
import { cacheName, type Kept, neededHere } from "../../src/offline/precache";

const RUNTIME = ["compat_internal", "internal", "jspi_internal", "threaded_internal"];
const FILES: readonly Kept[] = [
  ...["index.html", "bundles/a.zip"].map((path) => ({ path, digest: "1" })),
  ...RUNTIME.flatMap((build) =>
    [".js", ".wasm"].map((end) => ({ path: `litert/litert_wasm_${build}${end}`, digest: "2" })),
  ),
];
const builds = (relaxedSimd: boolean, threads: boolean): readonly string[] =>
  neededHere(FILES, { relaxedSimd, threads })
    .map(({ path }) => path)
    .filter((path) => path.endsWith(".wasm"));

it("keeps the page, and of the runtime what this browser loads", () => {
  expect(neededHere(FILES, { relaxedSimd: true, threads: true }).map(({ path }) => path)).toContain(
    "bundles/a.zip",
  );
  expect(builds(true, true)).toEqual([
    "litert/litert_wasm_internal.wasm",
    "litert/litert_wasm_threaded_internal.wasm",
  ]);
  expect(builds(true, false)).toEqual(["litert/litert_wasm_internal.wasm"]);
  expect(builds(false, true)).toEqual(["litert/litert_wasm_compat_internal.wasm"]);
});

it("has another cache for another build", async () => {
  const other = FILES.map((file, index) => (index === 0 ? { ...file, digest: "3" } : file));
  expect(await cacheName(FILES)).toBe(await cacheName([...FILES]));
  expect(await cacheName(FILES)).not.toBe(await cacheName(other));
});
