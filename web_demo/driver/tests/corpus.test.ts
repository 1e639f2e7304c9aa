/** The corpus that all readers share: each case is taken, or refused for its reason. */
import { describe, expect, it } from "vitest";
import { readBundle } from "../src/bundle/reading.js";
import type { Bundle } from "../src/index.js";
import { Refusal } from "../src/refusal.js";
import { corpusFile } from "./files.js";
import { watched } from "./memory.js";

interface Case {
  readonly name: string;
  readonly kind: string;
  readonly keyed: boolean;
}

const CASES = JSON.parse(new TextDecoder().decode(corpusFile("corpus.json"))) as readonly Case[];
const KEY = corpusFile("key.public.pem");
const KINDS = "container digest golden graph listing manifest name signature version".split(" ");
/** Milliseconds that no case may take, and bytes that it may ask for in all, or make the process grow by. */
const MOST_MS = 2000;
const MOST_BYTES = 64 * 2 ** 20;

async function read(each: Case): Promise<unknown> {
  const options = each.keyed ? { publicKey: KEY } : {};
  return readBundle(corpusFile(`${each.name}.zip`), options).then(
    (bundle) => bundle,
    (error: unknown) => error,
  );
}

describe("the corpus", () => {
  it("has every kind of refusal", () => {
    const kinds = new Set(CASES.map((each) => each.kind));
    expect([...kinds].sort()).toEqual(["", ...KINDS]);
    expect(CASES.length).toBeGreaterThanOrEqual(118);
  });

  it.each(CASES.map((each) => [each.name, each] as const))("%s", async (_, each) => {
    const started = performance.now();
    const { made: found, asked, grown } = await watched(() => read(each));
    const took = performance.now() - started;
    if (each.kind === "") {
      expect(found).not.toBeInstanceOf(Error);
    } else {
      expect(found).toBeInstanceOf(Refusal);
      const refusal = found as Refusal;
      expect(refusal.kind, refusal.message).toBe(each.kind);
      expect(refusal.message).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{10,}$/u);
    }
    expect(took).toBeLessThan(MOST_MS);
    expect(asked).toBeLessThan(MOST_BYTES);
    expect(grown).toBeLessThan(MOST_BYTES);
  });
});

it("memory that is let go of again is seen too", async () => {
  const { asked, grown } = await watched(async () => {
    new Float64Array(MOST_BYTES / 8).fill(1);
    return Uint8Array.from({ length: 5 }).length;
  });
  expect(asked).toBe(MOST_BYTES + 5);
  expect(grown).toBeGreaterThan(MOST_BYTES / 2);
});

describe("a signature", () => {
  const zip = corpusFile("signed.zip");

  it("is checked by a key of WebCrypto, of PEM and of SPKI", async () => {
    const base64 = new TextDecoder().decode(KEY).replace(/-----[^-]*-----|\s/g, "");
    const spki = new Uint8Array(Buffer.from(base64, "base64"));
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("spki", spki, curve, true, ["verify"]);
    for (const publicKey of [KEY, spki, key]) {
      expect((await readBundle(zip, { publicKey })).signed).toBe(true);
    }
    expect((await readBundle(zip)).signed).toBe(false);
  });

  it("of another key is refused, and so is what is no public key", async () => {
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const other = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
    const publicKey = other.publicKey;
    await expect(readBundle(zip, { publicKey })).rejects.toMatchObject({ kind: "signature" });
    const unfit = { publicKey: other.privateKey };
    await expect(readBundle(zip, unfit)).rejects.toMatchObject({ kind: "input" });
    const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", other.privateKey));
    const text = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString("base64")}\n-----END PRIVATE KEY-----\n`;
    for (const wrong of [new TextEncoder().encode(text), new Uint8Array(5), KEY.slice(0, 80)]) {
      await expect(readBundle(zip, { publicKey: wrong })).rejects.toMatchObject({ kind: "input" });
    }
  });
});

describe("mutants of a whole bundle", () => {
  const whole = corpusFile("whole.zip");

  /** A reproducible sequence of integers of 32 bits. */
  function sequence(seed: number): () => number {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state;
    };
  }

  it("are refused in one line, or hold what was packed", async () => {
    const next = sequence(7);
    for (let turn = 0; turn < 600; turn++) {
      const mutant = new Uint8Array(whole);
      const changes = 1 + (next() % 3);
      for (let change = 0; change < changes; change++) {
        mutant[(next() >>> 4) % mutant.length] = (next() >>> 9) & 0xff;
      }
      const cut = next() % 4 === 0 ? (next() >>> 4) % mutant.length : mutant.length;
      const { made: found, asked } = await watched(() =>
        readBundle(mutant.subarray(0, cut)).catch((error: unknown) => error),
      );
      expect(asked).toBeLessThan(MOST_BYTES);
      if (found instanceof Error) expect(found, String(found)).toBeInstanceOf(Refusal);
      else expect((found as Bundle).name).toBe("tiny");
    }
  });
});
