/** Who made a bundle: an ECDSA signature, over P-256 with SHA-256, of the manifest's bytes. */
import { Refusal } from "../refusal.js";

/** Bytes of a signature: r and s, 32 each, as IEEE P1363 has it. */
export const SIGNATURE_BYTES = 64;
const CURVE = { name: "ECDSA", namedCurve: "P-256" };

/** A public key: one of WebCrypto, or the bytes of one in PEM or SPKI. */
export type PublicKey = CryptoKey | Uint8Array;

/** Checks that a manifest was signed by the private half of a key. */
export async function checkSignature(
  manifest: Uint8Array,
  signature: Uint8Array,
  key: PublicKey,
): Promise<void> {
  const known = key instanceof Uint8Array ? await importKey(key) : key;
  const hash = { name: "ECDSA", hash: "SHA-256" };
  const fits = await subtle()
    .verify(hash, known, own(signature), own(manifest))
    .catch(() => {
      throw new Refusal(
        "this key checks no signatures; give a public key of ECDSA over P-256",
        "input",
      );
    });
  if (!fits) {
    throw new Refusal(
      "the bundle is not signed by this key: do not use it, unless you trust where it comes from " +
        "for another reason",
      "signature",
    );
  }
}

/** SHA-256 of bytes, 64 hexadecimal digits. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await subtle().digest("SHA-256", own(bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function importKey(key: Uint8Array): Promise<CryptoKey> {
  const text = key[0] === 0x2d ? new TextDecoder().decode(key) : "";
  if (text.includes("PRIVATE KEY")) {
    throw new Refusal(
      "this is a private key, which nobody but its owner should have; give its public half",
      "input",
    );
  }
  try {
    return await subtle().importKey("spki", own(text ? fromPem(text) : key), CURVE, true, [
      "verify",
    ]);
  } catch {
    throw new Refusal(
      "this holds no public key of curve P-256 in PEM; make one with: edge-sdk key key.pem",
      "input",
    );
  }
}

function fromPem(text: string): Uint8Array {
  const base64 = text.replace(/-----[^-]*-----/g, "").replace(/\s/g, "");
  return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
}

/** WebCrypto takes no memory that threads share. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? (bytes as Uint8Array<ArrayBuffer>)
    : new Uint8Array(bytes);
}

function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (found === undefined) {
    throw new Refusal("WebCrypto is missing: open the page by https, or on localhost", "runtime");
  }
  return found;
}
