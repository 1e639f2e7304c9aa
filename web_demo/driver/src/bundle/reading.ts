/** Reading a bundle: sizes before memory, digests before parsing, parsing before any runtime. */
import type { Backend, Bundle, Precision } from "../face.js";
import { Refusal } from "../refusal.js";
import { MOST_BYTES } from "./canonical.js";
import { type GoldenVector, readGolden } from "./golden.js";
import type { Manifest, Variant } from "./manifest.js";
import { readManifest } from "./manifest_reading.js";
import { BURSTS, DRIVER, GOLDEN, MANIFEST, SIGNATURE } from "./names.js";
import { checkSignature, type PublicKey, SIGNATURE_BYTES, sha256 } from "./signature.js";
import { asTorch, type Driver, readDriver } from "./stage_record.js";
import { Container } from "./zip.js";

export interface ReadOptions {
  /** Key that must have signed it; without one nothing is known of its origin. */
  readonly publicKey?: PublicKey | undefined;
}

/** A bundle with what only the package itself asks of it. */
export class OpenBundle implements Bundle {
  readonly kind: "burst" | "single";
  readonly name: string;
  readonly scale: number;
  readonly #drivers: ReadonlyMap<Variant, Driver>;

  constructor(
    readonly manifest: Manifest,
    readonly sha256: string,
    readonly signed: boolean,
    readonly golden: ReadonlyMap<string, GoldenVector>,
    drivers: ReadonlyMap<Variant, Driver>,
    readonly container: Container,
  ) {
    this.kind = manifest.burst === undefined ? "single" : "burst";
    this.name = manifest.name;
    this.scale = manifest.picture?.scale ?? 1;
    this.#drivers = drivers;
  }

  file(path: string): Uint8Array {
    return this.container.read(path);
  }

  variants(): readonly Variant[] {
    return this.manifest.variants;
  }

  /** The variant of a precision that runs in a browser, the preferred one first. */
  variant(precision: string): Variant {
    const found = this.manifest.variants.find(
      (each) => each.target === "tflite" && each.precision === precision,
    );
    if (found !== undefined) return found;
    const held = this.manifest.variants.map((each) => `${each.target} ${each.precision}`);
    throw new Refusal(
      `${this.name} holds no variant tflite ${precision}; it holds: ${held.join(", ")}`,
      "input",
    );
  }

  /** The variant that a runner computes: a GPU takes halves of fp32 where there is no fp16. */
  variantFor(backend: Backend, precision: Precision): Variant {
    const halved = backend === "webgpu" && precision === "fp16";
    const holds = this.manifest.variants.some(
      (each) => each.target === "tflite" && each.precision === precision,
    );
    return this.variant(halved && !holds ? "fp32" : precision);
  }

  driver(variant: Variant): Driver {
    const found = this.#drivers.get(variant);
    if (found === undefined) {
      throw new Refusal(`${this.name} is for single pictures, not for bursts`, "input");
    }
    return found;
  }
}

/** The bundle that {@link readBundle} gave. */
export function opened(bundle: Bundle): OpenBundle {
  if (bundle instanceof OpenBundle) return bundle;
  throw new Refusal("this bundle was not read by readBundle; read it first", "input");
}

/**
 * Reads a bundle and checks that it is whole, and with a key whose it is.
 *
 * @param zip the file that `edge-sdk pack` wrote; nobody may change it from now on.
 * @throws Refusal of one line, which says what is wrong and what to do.
 */
export async function readBundle(zip: Uint8Array, options: ReadOptions = {}): Promise<Bundle> {
  const container = new Container(zip);
  if (container.size(MANIFEST) === undefined) {
    throw new Refusal(
      `holds no ${MANIFEST} and is no bundle; pack one with \`edge-sdk pack\``,
      "listing",
    );
  }
  const text = readSmall(container, MANIFEST);
  const signed = await checkOrigin(container, text, options.publicKey);
  const manifest = readManifest(text);
  checkListing(container, manifest);
  for (const entry of manifest.files) {
    if ((await sha256(container.read(entry.name))) !== entry.sha256) {
      throw new Refusal(`${entry.name}: is not the file that was packed; copy it again`, "digest");
    }
  }
  for (const name of manifest.burst === undefined ? [GOLDEN] : [GOLDEN, BURSTS, DRIVER]) {
    if (container.size(name) === undefined) {
      throw new Refusal(`holds no ${name}; pack the bundle anew`, "listing");
    }
  }
  const golden = readGolden(readSmall(container, GOLDEN), GOLDEN);
  checkVectors(manifest, golden);
  const drivers = new Map<Variant, Driver>();
  if (manifest.burst !== undefined) {
    const driver = readSmall(container, DRIVER);
    for (const variant of manifest.variants) {
      drivers.set(variant, readDriver(manifest, variant, driver));
    }
  }
  return new OpenBundle(manifest, await sha256(text), signed, golden, drivers, container);
}

function readSmall(container: Container, name: string): Uint8Array {
  const size = container.size(name) ?? 0;
  if (size > MOST_BYTES) {
    throw new Refusal(`${name}: has ${size} bytes, more than ${MOST_BYTES}`, "container");
  }
  return container.read(name);
}

async function checkOrigin(
  container: Container,
  manifest: Uint8Array,
  key: PublicKey | undefined,
): Promise<boolean> {
  const size = container.size(SIGNATURE);
  if (size !== undefined && size !== SIGNATURE_BYTES) {
    throw new Refusal(`${SIGNATURE}: has ${size} bytes, not ${SIGNATURE_BYTES}`, "signature");
  }
  const signature = size === undefined ? undefined : container.read(SIGNATURE);
  if (key === undefined) return false;
  if (signature === undefined) {
    throw new Refusal("is not signed, by this key or anyone; do not use it", "signature");
  }
  await checkSignature(manifest, signature, key);
  return true;
}

function checkListing(container: Container, manifest: Manifest): void {
  const listed = new Map(manifest.files.map((entry) => [entry.name, entry.size]));
  for (const name of listed.keys()) {
    // A signature is no file that a manifest can list: it is made of the manifest.
    if (name === SIGNATURE || container.size(name) === undefined) {
      throw new Refusal(`${name} is missing; copy it again, or pack anew`, "listing");
    }
  }
  for (const name of container.names()) {
    if (!listed.has(name) && name !== MANIFEST && name !== SIGNATURE) {
      throw new Refusal(`${name} is no file of this bundle; remove it`, "listing");
    }
  }
  for (const [name, size] of listed) {
    if (container.size(name) !== size) {
      throw new Refusal(
        `${name}: has ${container.size(name)} bytes, not ${size}; copy it again`,
        "listing",
      );
    }
  }
}

function checkVectors(manifest: Manifest, golden: ReadonlyMap<string, GoldenVector>): void {
  for (const variant of manifest.variants) {
    for (const graph of variant.graphs) {
      const vector = golden.get(graph.golden);
      if (vector === undefined) {
        throw new Refusal(
          `${GOLDEN}: has no vector ${graph.golden}; pack the bundle anew`,
          "golden",
        );
      }
      if (String(vector.input) !== String(asTorch(graph.input.shape, graph.input.layout))) {
        throw new Refusal(
          `${GOLDEN}: the vector ${graph.golden} is not of the size that ${graph.file} takes; ` +
            "pack the bundle anew",
          "golden",
        );
      }
    }
  }
}
