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

/** What LiteRT is built for: its files differ. */
export type Build = "single" | "threaded" | "gpu";

/**
 * Loads LiteRT, or takes the one that is loaded; {@link release} gives it back.
 *
 * @param folder URL of its files, ending in `/`.
 */
export async function acquire(folder: string, build: Build): Promise<LiteRt> {
  const key = `${folder} ${build}`;
  if (loaded !== undefined && loaded.key !== key) {
    if (users > 0) {
      throw new Refusal("LiteRT runs otherwise here; close that runner first", "runtime");
    }
    unloadLiteRt();
    loaded = undefined;
  }
  loaded ??= { liteRt: await load(folder, build), key };
  users++;
  return loaded.liteRt;
}

export function release(): void {
  users--;
}

async function load(folder: string, build: Build): Promise<LiteRt> {
  const name = await scriptName(build);
  const restore = await provideScript(folder, name);
  try {
    return await loadLiteRt(folder + name);
  } catch (error) {
    const binary = `${folder}${name.replace(/js$/, "wasm")}`;
    const missing = await missingBinary(binary);
    if (missing) {
      throw new Refusal(`${binary} cannot be loaded (${missing}); check wasmUrl`, "loading");
    }
    throw new Refusal(
      `LiteRT cannot start here (${String(error)}); take another backend`,
      "runtime",
    );
  } finally {
    restore();
  }
}

const WASM_MAGIC = "0,97,115,109";

/** Why a binary of WASM is not where it should be; empty if it is, or if that cannot be told. */
async function missingBinary(url: string): Promise<string> {
  if (!/^https?:/.test(new URL(url, globalThis.location?.href).href)) return "";
  try {
    const response = await fetch(url);
    if (!response.ok) return `the host answers ${response.status}`;
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (String(bytes.subarray(0, 4)) !== WASM_MAGIC) return "the host sends something else";
    // A cut-off module does not compile, a whole one does wherever LiteRT could start.
    return WebAssembly.validate(bytes)
      ? ""
      : "it is damaged or cut off, or too new for this browser";
  } catch (error) {
    return String(error);
  }
}

/** The script of a build, if this browser can run it. */
async function scriptName(build: Build): Promise<string> {
  const relaxed = await supportsFeature("relaxedSimd");
  if (build === "single") return `litert_wasm_${relaxed ? "" : "compat_"}internal.js`;
  if (build === "threaded") {
    if (!canShareMemory()) {
      throw new Refusal(
        "threads share memory, which this page may not: serve it with the headers " +
          "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, " +
          "or take one thread",
        "runtime",
      );
    }
    if (relaxed) return "litert_wasm_threaded_internal.js";
    throw new Refusal("threads need a browser with relaxed SIMD; take one thread", "runtime");
  }
  // Graphs of which a part waits for the GPU suspend WASM meanwhile.
  if (relaxed && (await supportsFeature("jspi"))) return "litert_wasm_jspi_internal.js";
  throw new Refusal(
    "WebGPU needs a browser that can suspend WASM (JSPI), such as Chromium 137; take the backend wasm",
    "runtime",
  );
}
