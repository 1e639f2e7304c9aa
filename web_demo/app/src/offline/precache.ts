/** What of the page's files is kept for use offline. */

/** A file of the built page, by its path there. */
export interface Kept {
  readonly path: string;
  readonly digest: string;
}

/** How this browser runs WASM; the runtime has a build for each. */
export interface Abilities {
  readonly relaxedSimd: boolean;
  readonly threads: boolean;
}

/**
 * Files that this browser may need: all but the builds of the runtime that are for others.
 *
 * The build for stack switching is for graphs that a GPU takes in part; ours it takes whole.
 */
export function neededHere(
  files: readonly Kept[],
  { relaxedSimd, threads }: Abilities,
): readonly Kept[] {
  const builds = relaxedSimd
    ? ["litert_wasm_internal", ...(threads ? ["litert_wasm_threaded_internal"] : [])]
    : ["litert_wasm_compat_internal"];
  return files.filter(
    ({ path }) =>
      !path.startsWith("litert/") || builds.some((build) => path.startsWith(`litert/${build}.`)),
  );
}

/** Name of the cache of exactly these files; another build has another. */
export async function cacheName(files: readonly Kept[]): Promise<string> {
  const text = new TextEncoder().encode(
    files.map(({ path, digest }) => `${path} ${digest}`).join("\n"),
  );
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return `burst-zoom-${[...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
