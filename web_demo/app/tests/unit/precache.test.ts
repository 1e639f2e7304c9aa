import { expect, it } from "vitest";
import {
  type Abilities,
  addressOf,
  fileFor,
  type Kept,
  keyOf,
  neededHere,
} from "../../src/offline/precache";

const RUNTIME = ["compat_internal", "internal", "jspi_internal", "threaded_internal"];
const FILES: readonly Kept[] = [
  ...["index.html", "bundles/a.zip"].map((path) => ({ path, digest: "1" })),
  ...RUNTIME.flatMap((build) =>
    [".js", ".wasm"].map((end) => ({ path: `litert/litert_wasm_${build}${end}`, digest: "2" })),
  ),
];
const builds = (abilities: Abilities): readonly string[] =>
  neededHere(FILES, abilities)
    .map(({ path }) => path)
    .filter((path) => path.endsWith(".wasm"));

it("keeps the page, and of the runtime what this browser loads", () => {
  const usual = { relaxedSimd: true, threads: true, suspending: false };
  expect(neededHere(FILES, usual).map(({ path }) => path)).toContain("bundles/a.zip");
  expect(builds(usual)).toEqual(["litert/litert_wasm_threaded_internal.wasm"]);
  expect(builds({ ...usual, suspending: true })).toEqual([
    "litert/litert_wasm_jspi_internal.wasm",
    "litert/litert_wasm_threaded_internal.wasm",
  ]);
  expect(builds({ ...usual, threads: false })).toEqual(["litert/litert_wasm_internal.wasm"]);
  expect(builds({ ...usual, relaxedSimd: false })).toEqual([
    "litert/litert_wasm_compat_internal.wasm",
  ]);
});

it("answers for its own files alone, however they are asked for", () => {
  const scope = "https://host/some/place/";
  const [page, bundle] = [FILES[0]!, FILES[1]!];
  expect(addressOf(page, scope)).toBe("https://host/some/place/");
  for (const end of ["", "index.html", "?from=home", "#top"]) {
    expect(fileFor(FILES, scope + end, scope)).toBe(page);
  }
  expect(fileFor(FILES, `${scope}bundles/a.zip`, scope)).toBe(bundle);
  expect(fileFor(FILES, `${scope}bundles/b.zip`, scope)).toBeUndefined();
  expect(fileFor(FILES, "https://host/bundles/a.zip", scope)).toBeUndefined();
});

it("keeps another content under another name", () => {
  const file = FILES[1]!;
  const scope = "https://host/";
  expect(keyOf({ ...file, digest: "3" }, scope)).not.toBe(keyOf(file, scope));
});
