/**
 * Canonical JSON: one form of bytes for one content, so that a signature is over the content.
 *
 * Objects, arrays, strings of printable ASCII without quotes and backslashes, integers of at most
 * 53 bits, and booleans. Keys are sorted, and nothing lies between tokens.
 */
import { Refusal } from "../refusal.js";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export const MOST_BYTES = 2 ** 20;
const MOST_DEPTH = 8;
const TEXT = /^[ !#-[\]-~]*$/;

/** Reads an object from its canonical form, and refuses any other. */
export function readCanonical(text: Uint8Array, name: string): JsonObject {
  let value: Json;
  const ascii = text.every((sign) => sign < 0x80);
  try {
    value = JSON.parse(new TextDecoder().decode(text)) as Json;
  } catch {
    value = null;
  }
  if (!ascii || value === null) {
    throw new Refusal(`${name}: is no JSON of ASCII text; pack the bundle anew`, "manifest");
  }
  const written = canonical(value, 0, name);
  if (!isObject(value) || !sameText(written, text)) {
    throw new Refusal(`${name}: is not in canonical form; pack the bundle anew`, "manifest");
  }
  return value;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function canonical(value: Json, depth: number, name: string): string {
  const refuse = (what: string): Refusal => new Refusal(`${name}: ${what}`, "manifest");
  if (depth > MOST_DEPTH) {
    throw refuse(`is nested deeper than ${MOST_DEPTH} levels; pack the bundle anew`);
  }
  if (typeof value === "string") {
    if (!TEXT.test(value)) {
      throw refuse(`holds the text '${value.slice(0, 60)}', which is not plain ASCII`);
    }
    return `"${value}"`;
  }
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw refuse("holds a number that is no integer of 53 bits");
    return String(value);
  }
  if (typeof value === "boolean") return String(value);
  if (value === null) throw refuse("holds null, which has no canonical form");
  if (Array.isArray(value)) {
    return `[${value.map((each: Json) => canonical(each, depth + 1, name)).join(",")}]`;
  }
  const entries = value as JsonObject;
  const parts = Object.keys(entries)
    .sort()
    .map((key) => {
      const entry = entries[key] as Json;
      return `${canonical(key, depth + 1, name)}:${canonical(entry, depth + 1, name)}`;
    });
  return `{${parts.join(",")}}`;
}

function sameText(written: string, text: Uint8Array): boolean {
  if (written.length !== text.length) return false;
  for (let at = 0; at < text.length; at++) if (written.charCodeAt(at) !== text[at]) return false;
  return true;
}
