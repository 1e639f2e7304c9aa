/** Names of files in a bundle: safe on every system that a bundle may be unpacked on. */
import { Refusal } from "../refusal.js";

export const MANIFEST = "manifest.json";
export const SIGNATURE = "manifest.sig";
export const GOLDEN = "golden.json";
export const BURSTS = "bursts.json";
export const DRIVER = "driver.json";
export const MOST_LENGTH = 160;
const MOST_PARTS = 5;
const PART = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?$/;
const RESERVED = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?$/i;

/** Refuses a name that could lead outside a folder, or mean something else on another system. */
export function checkName(name: string): void {
  const parts = name.split("/");
  const fine = name.length <= MOST_LENGTH && parts.length <= MOST_PARTS;
  if (!fine || !parts.every((part) => PART.test(part) && !RESERVED.test(part))) {
    const shown = name.length <= MOST_LENGTH ? name : `${name.slice(0, 40)}…`;
    throw new Refusal(
      `'${shown}' is no name for a file of a bundle; refuse it, or pack the bundle anew`,
      "name",
    );
  }
}

/** Refuses names of which two could be one file, or one the folder of another. */
export function checkNames(names: Iterable<string>): void {
  const seen = new Map<string, string>();
  const folders = new Map<string, string>();
  for (const name of names) {
    checkName(name);
    const lower = name.toLowerCase();
    const parts = lower.split("/");
    const above = parts.slice(1).map((_, count) => parts.slice(0, count + 1).join("/"));
    const other =
      seen.get(lower) ??
      folders.get(lower) ??
      above.map((folder) => seen.get(folder)).find((found) => found !== undefined);
    if (other !== undefined) {
      throw new Refusal(`${name} and ${other} cannot lie in one bundle; pack it anew`, "name");
    }
    seen.set(lower, name);
    for (const folder of above) folders.set(folder, name);
  }
}
