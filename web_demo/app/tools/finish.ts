/** The last steps of a build. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Kept } from "../src/offline/precache";

const PLACEHOLDER = /(["'`])%PRECACHE%\1/;

/** Put the files of the runtime beside the page. */
export function copyRuntime(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) cpSync(join(from, name), join(to, name));
}

/** Tell the service worker of a built page what there is, and a digest of each file. */
export function writePrecache(folder: string): void {
  const worker = join(folder, "sw.js");
  const script = readFileSync(worker, "utf8");
  if (!PLACEHOLDER.test(script)) throw new Error(`${worker} has no place for the list of files`);
  if (/^import\b/.test(script))
    throw new Error(`${worker} imports others, which browsers allow to modules alone`);
  const kept: Kept[] = filesOf(folder)
    .filter((path) => path !== worker && !path.endsWith(".map"))
    .map((path) => ({
      path: relative(folder, path).split(sep).join("/"),
      digest: createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16),
    }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
  writeFileSync(
    worker,
    script.replace(PLACEHOLDER, () => JSON.stringify(kept)),
  );
}

function filesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesOf(path) : [path];
  });
}
