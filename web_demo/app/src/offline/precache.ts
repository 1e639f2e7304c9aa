/** What of the page's files is kept for use offline, and under which names. */

/** A file of the built page, by its path there. */
export interface Kept {
  readonly path: string;
  /** The first 16 hexadecimal digits of its SHA-256. */
  readonly digest: string;
}

/** How this browser runs WASM; the runtime has a build for each. */
export interface Abilities {
  readonly relaxedSimd: boolean;
  /** Whether it is worth to compute in several. */
  readonly threads: boolean;
  /** Whether WASM can wait for a GPU (JSPI). */
  readonly suspending: boolean;
}

/** Files that this browser may need: all but the builds of the runtime that are for others. */
export function neededHere(files: readonly Kept[], abilities: Abilities): readonly Kept[] {
  const builds = buildsFor(abilities).map((build) => `litert/litert_wasm_${build}internal.`);
  const isNeeded = (path: string): boolean => builds.some((build) => path.startsWith(build));
  return files.filter(({ path }) => !path.startsWith("litert/") || isNeeded(path));
}

function buildsFor({ relaxedSimd, threads, suspending }: Abilities): readonly string[] {
  if (!relaxedSimd) return ["compat_"];
  return [threads ? "threaded_" : "", ...(suspending ? ["jspi_"] : [])];
}

/** Address of a file on its host. @param scope where the page lies. */
export function addressOf({ path }: Kept, scope: string): string {
  return new URL(path === "index.html" ? "./" : path, scope).href;
}

/** Name of a file among those that are kept: another content has another. */
export function keyOf(file: Kept, scope: string): string {
  return `${addressOf(file, scope)}?${file.digest}`;
}

/** The file that answers a request, if it is one of these. */
export function fileFor(files: readonly Kept[], request: string, scope: string): Kept | undefined {
  const address = new URL(request);
  address.search = address.hash = "";
  const plain = address.href.replace(/\/index\.html$/, "/");
  return files.find((file) => addressOf(file, scope) === plain);
}

/** Digest of what a host gave. */
export async function digestOf(content: ArrayBuffer): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
