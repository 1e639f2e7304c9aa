/** LiteRT in this page or worker: there is one, loaded when the first runner asks for it. */
import { type LiteRt, loadLiteRt, supportsFeature, unloadLiteRt } from "@litertjs/core";
import { Refusal } from "../refusal.js";
import { provideScript } from "./script.js";

/** Threads beyond which stages of this size gain nothing. */
const MOST_THREADS = 4;

let loaded: { readonly liteRt: LiteRt; readonly key: string } | undefined;
let users = 0;

/** Threads that are taken where none are asked for: one unless memory may be shared. */
export function defaultThreads(): number {
  if (!canShareMemory()) return 1;
  return Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, MOST_THREADS);
}

function canShareMemory(): boolean {
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
}

/**
 * Loads LiteRT, or takes the one that is loaded; {@link release} gives it back.
 *
 * @param folder URL of its files, ending in `/`.
 * @param threads on WASM; with one the build without shared memory is taken.
 */
export async function acquire(folder: string, threads: number): Promise<LiteRt> {
  if (threads > 1 && !canShareMemory()) {
    throw new Refusal(
      `${threads} threads share memory, which this page may not: serve it with the headers ` +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, " +
        "or take one thread",
      "runtime",
    );
  }
  const key = `${folder} ${threads > 1}`;
  if (loaded !== undefined && loaded.key !== key) {
    if (users > 0) {
      throw new Refusal("LiteRT runs with other threads here; close that runner first", "runtime");
    }
    unloadLiteRt();
    loaded = undefined;
  }
  loaded ??= { liteRt: await load(folder, threads > 1), key };
  users++;
  return loaded.liteRt;
}

export function release(): void {
  users--;
}

async function load(folder: string, threaded: boolean): Promise<LiteRt> {
  const relaxed = await supportsFeature("relaxedSimd");
  if (threaded && !relaxed) {
    throw new Refusal("threads need a browser with relaxed SIMD; take one thread", "runtime");
  }
  const part = threaded ? "threaded_" : relaxed ? "" : "compat_";
  const name = `litert_wasm_${part}internal.js`;
  const restore = await provideScript(folder, name);
  try {
    return await loadLiteRt(folder + name);
  } catch (error) {
    throw new Refusal(`LiteRT cannot start (${String(error)}); check wasmUrl`, "runtime");
  } finally {
    restore();
  }
}
