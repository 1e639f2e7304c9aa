/** JSON read as records: whatever does not fit is named by its key. */
import { type Kind, Refusal } from "../refusal.js";
import { isObject, type Json, type JsonObject } from "./canonical.js";

/** Reads the fields of one object, strictly: a number is no text, and a text no number. */
export class Fields {
  readonly #object: JsonObject;

  /**
   * @param value what must be an object.
   * @param where its place, for messages: the file, and the keys that lead to it.
   * @param kind of the refusal.
   */
  constructor(
    value: Json | undefined,
    readonly where: string,
    readonly kind: Kind,
  ) {
    if (!isObject(value)) throw this.#wrong(where, "an object");
    this.#object = value;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#object, key);
  }

  text(key: string): string {
    const value = this.#value(key);
    if (typeof value !== "string") throw this.#wrong(this.#at(key), "a text");
    return value;
  }

  integer(key: string): number {
    const value = this.#value(key);
    if (!Number.isSafeInteger(value)) throw this.#wrong(this.#at(key), "an integer");
    return value as number;
  }

  /** A finite number. */
  number(key: string): number {
    const value = this.#value(key);
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw this.#wrong(this.#at(key), "a number");
    }
    return value;
  }

  integers(key: string): readonly number[] {
    const values = this.#array(key);
    if (!values.every((value) => Number.isSafeInteger(value))) {
      throw this.#wrong(this.#at(key), "an array of integers");
    }
    return values as readonly number[];
  }

  numbers(key: string): readonly number[] {
    const values = this.#array(key);
    if (!values.every((value) => typeof value === "number" && Number.isFinite(value))) {
      throw this.#wrong(this.#at(key), "an array of numbers");
    }
    return values as readonly number[];
  }

  texts(key: string): readonly string[] {
    const values = this.#array(key);
    if (!values.every((value) => typeof value === "string")) {
      throw this.#wrong(this.#at(key), "an array of texts");
    }
    return values as readonly string[];
  }

  /** An array of arrays of numbers. */
  rows(key: string): readonly (readonly number[])[] {
    return this.#array(key).map((value, index) => {
      const fits = Array.isArray(value) && value.every((each) => typeof each === "number");
      if (!fits) throw this.#wrong(`${this.#at(key)}.${index}`, "an array of numbers");
      return value as readonly number[];
    });
  }

  object(key: string): Fields {
    return new Fields(this.#value(key), this.#at(key), this.kind);
  }

  /** An array of objects, each read by a function; none where it is absent and may be. */
  objects<T>(key: string, read: (fields: Fields) => T, optional = false): readonly T[] {
    if (optional && !this.has(key)) return [];
    return this.#array(key).map((value, index) =>
      read(new Fields(value, `${this.#at(key)}.${index}`, this.kind)),
    );
  }

  /** An object of objects, each read by a function. */
  entries<T>(key: string, read: (fields: Fields) => T): ReadonlyMap<string, T> {
    const inside = this.object(key);
    return new Map(Object.keys(inside.#object).map((each) => [each, read(inside.object(each))]));
  }

  keys(): readonly string[] {
    return Object.keys(this.#object);
  }

  #array(key: string): readonly Json[] {
    const value = this.#value(key);
    if (!Array.isArray(value)) throw this.#wrong(this.#at(key), "an array");
    return value as readonly Json[];
  }

  #value(key: string): Json {
    if (!this.has(key)) {
      throw new Refusal(`${this.#at(key)} is missing; pack the bundle anew`, this.kind);
    }
    return this.#object[key] as Json;
  }

  #at(key: string): string {
    return this.where.endsWith(".json") ? `${this.where}: ${key}` : `${this.where}.${key}`;
  }

  #wrong(where: string, what: string): Refusal {
    return new Refusal(`${where} is not ${what}; pack the bundle anew`, this.kind);
  }
}

/** Parses a file of ordinary JSON in UTF-8. */
export function readJson(text: Uint8Array, name: string, kind: Kind): Fields {
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text)) as Json;
  } catch {
    throw new Refusal(`${name}: is damaged; pack the bundle anew`, kind);
  }
  return new Fields(value, name, kind);
}
