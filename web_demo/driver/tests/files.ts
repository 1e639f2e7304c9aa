/** Files that tests read: the corpus of the repository, and bundles that were packed for them. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CACHE = fileURLToPath(new URL("../../.cache/", import.meta.url));

export function corpusFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${ROOT}tests/bundle/corpus/${name}`));
}

/** A file that `make test-web` made before. */
export function madeFile(name: string): Uint8Array {
  if (!existsSync(CACHE + name)) throw new Error(`${CACHE}${name} is missing; run: make test-web`);
  return new Uint8Array(readFileSync(CACHE + name));
}

/** What Python's driver decided on the burst of `references.py`. */
export interface Expected {
  readonly reference: number;
  readonly used: readonly number[];
  readonly scores: readonly number[];
  readonly motions: readonly (readonly number[])[];
  readonly shares: readonly number[];
  readonly noise: number;
  readonly lens: number;
  readonly hot: number;
}

export interface ExpectedBurst {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly fp32: Expected;
  readonly int8: Expected;
}

export function expectedBurst(): ExpectedBurst {
  return JSON.parse(new TextDecoder().decode(madeFile("burst.json"))) as ExpectedBurst;
}
