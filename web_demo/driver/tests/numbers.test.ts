/** Small arithmetic of the contract: rounding, medians, quantiles, systems. */
import { describe, expect, it } from "vitest";
import { constantNames, misfit } from "../src/bundle/constants.js";
import { CONTRACT } from "../src/bundle/contract_constants.js";
import { Fields } from "../src/bundle/fields.js";
import { readBundle } from "../src/bundle/reading.js";
import { cuts } from "../src/merge/summing.js";
import { inverse, lowerMedian, product, quantile, rint, solved } from "../src/numbers.js";
import { windowSpans } from "../src/picture/windows.js";
import { Refusal } from "../src/refusal.js";
import { fromRgba, toRgba } from "../src/rgba.js";
import { madeFile } from "./files.js";

/** A reproducible sequence of values in [−1, 1). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

describe("rounding", () => {
  it("takes halves to even", () => {
    expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4999].map((x) => rint(x) + 0)).toEqual([
      -2, -2, 0, 0, 2, 2, 0,
    ]);
  });
});

describe("medians and quantiles", () => {
  it("agree with sorting", () => {
    const next = sequence(3);
    for (let count = 1; count < 60; count++) {
      const values = Float64Array.from({ length: count }, () => Math.round(8 * next()) + 0);
      const sorted = values.slice().sort();
      expect(lowerMedian(values)).toBe(sorted[(count - 1) >> 1]);
      const [low, high] = [quantile(values.slice(), 0), quantile(values.slice(), 1)];
      expect([low, high]).toEqual([sorted[0], sorted[count - 1]]);
    }
    expect(quantile(Float64Array.of(4, 1, 3, 2), 0.25)).toBe(1.75);
  });
});

describe("systems", () => {
  it("are solved, and inverted", () => {
    const next = sequence(5);
    for (let n = 1; n <= 8; n++) {
      const matrix = Float64Array.from({ length: n * n }, next);
      const known = Float64Array.from({ length: n }, next);
      const right = known.map((_, row) =>
        known.reduce((sum, value, column) => sum + matrix[row * n + column] * value, 0),
      );
      const found = solved(matrix, right, n);
      for (const [at, value] of known.entries()) expect(found[at]).toBeCloseTo(value, 8);
    }
    const m = Float64Array.from({ length: 9 }, next);
    const one = product(m, inverse(m));
    for (const [at, value] of one.entries()) expect(value).toBeCloseTo(at % 4 === 0 ? 1 : 0, 10);
  });
});

describe("parts", () => {
  it("cover a length once, nearly equal", () => {
    for (const length of [1, 149, 150, 151, 299, 974]) {
      const parts = cuts(length, 150);
      let end = 0;
      for (const part of parts) {
        expect(part.start).toBe(end);
        end += part.length;
      }
      expect(end).toBe(length);
      expect(parts.length).toBe(Math.ceil(length / 150));
      const lengths = parts.map((part) => part.length);
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
    }
  });

  it("windows keep each pixel once, with its halo or at the picture's edge", () => {
    for (const length of [48, 49, 100, 333]) {
      let end = 0;
      for (const span of windowSpans(length, 48, 4, 1)) {
        expect(span.ownStart).toBe(end);
        expect(span.start >= 0 && span.start + 48 <= length).toBe(true);
        expect(span.ownStart - span.start >= 4 || span.start === 0).toBe(true);
        expect(span.start + 48 - span.ownEnd >= 4 || span.ownEnd === length).toBe(true);
        end = span.ownEnd;
      }
      expect(end).toBe(length);
    }
  });
});

describe("a canvas", () => {
  it("gives and takes the same colors", () => {
    const rgba = Uint8ClampedArray.from({ length: 4 * 6 }, (_, at) =>
      at % 4 === 3 ? 255 : 7 * at,
    );
    expect(toRgba(fromRgba(rgba, 3, 2))).toEqual(rgba);
    expect(() => fromRgba(rgba, 3, 3)).toThrow(/RGBA/);
  });
});

describe("constants", () => {
  it("are those of a bundle, no more and no fewer", async () => {
    const bundle = await readBundle(madeFile("burst_zoom_x2.zip"));
    const text = new TextDecoder().decode(bundle.file("driver.json"));
    const told = Object.keys((JSON.parse(text) as { constants: object }).constants);
    expect([...constantNames()].sort()).toEqual(told.sort());
    expect(Object.keys(CONTRACT).length).toBeGreaterThan(30);
  });

  const known: Readonly<Record<string, unknown>> = Object.fromEntries(
    Object.entries(CONTRACT).flatMap(([module, values]) =>
      Object.entries(values).map(([name, value]) => [`${module}.${name}`, value]),
    ),
  );
  const unfit = (changed: Readonly<Record<string, unknown>>): string => {
    return misfit(new Fields({ ...known, ...changed } as never, "constants", "graph"));
  };

  it("that are the contract's, or near, are taken", () => {
    expect(unfit({})).toBe("");
    expect(unfit({ "burst.driver.tiles.LATTICE_PX": 16 })).toBe("");
    expect(unfit({ "burst.stages.encode.MAX_OFFSET_PX": 1 })).toBe("");
    expect(unfit({ "one.of.a.newer.SDK": "anything" })).toBe("");
  });

  it.each(Object.keys(known))("%s is bounded", (name) => {
    for (const value of [1e300, -1e300, [], known[name] === 0 ? 1 : 0]) {
      let found: string;
      try {
        found = unfit({ [name]: value });
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
        found = name;
      }
      expect(found).toBe(name);
    }
  });
});
