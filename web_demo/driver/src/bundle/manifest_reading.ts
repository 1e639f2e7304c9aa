/** Reading a manifest: canonical, of a known major version, and consistent in itself. */
import { type Kind, Refusal } from "../refusal.js";
import { readCanonical } from "./canonical.js";
import { Fields } from "./fields.js";
import type {
  BurstEntry,
  FileEntry,
  GraphEntry,
  Manifest,
  PictureEntry,
  TensorEntry,
  Variant,
} from "./manifest.js";
import { checkNames, MANIFEST } from "./names.js";

export const FORMAT = "edge-sdk bundle";
export const MAJOR = 1;
/** Stage of a bundle that holds one graph. */
export const MODEL = "model";
const PLATFORMS = ["android", "ios", "web", "any"];
const DTYPES = ["float32", "float16", "int8", "uint8"];
const LEAST_GATE_DB = 20;
const MOST_GATE_DB = 200;
const MOST_ELEMENTS = 2 ** 26;

/** Name of a variant: target, precision, and the chip if it is for one. */
export function nameOf(variant: Variant): string {
  return [variant.target, variant.precision, variant.soc].filter((part) => part).join(" ");
}

export function readManifest(text: Uint8Array): Manifest {
  const found = readCanonical(text, MANIFEST);
  if (found["format"] !== FORMAT) {
    throw new Refusal(`${MANIFEST}: is that of no ${FORMAT}; take another file`, "manifest");
  }
  if (found["major"] !== MAJOR) {
    const said = String(JSON.stringify(found["major"])).slice(0, 20);
    throw new Refusal(
      `${MANIFEST}: version ${said} is not ${MAJOR}; update this app, or pack the bundle anew`,
      "version",
    );
  }
  const manifest = manifestOf(new Fields(found, MANIFEST, "manifest"));
  checkFiles(manifest);
  for (const variant of manifest.variants) checkVariant(manifest, variant);
  return manifest;
}

function manifestOf(fields: Fields): Manifest {
  return {
    format: fields.text("format"),
    major: fields.integer("major"),
    minor: fields.integer("minor"),
    name: fields.text("name"),
    task: fields.text("task"),
    platform: fields.text("platform"),
    license: fields.text("license"),
    variants: fields.objects("variants", variantOf),
    files: fields.objects("files", fileOf),
    ...(fields.has("picture") ? { picture: pictureOf(fields.object("picture")) } : {}),
    ...(fields.has("burst") ? { burst: burstOf(fields.object("burst")) } : {}),
  };
}

function variantOf(fields: Fields): Variant {
  const minimum = fields.object("minimum");
  return {
    target: fields.text("target"),
    backend: fields.text("backend"),
    precision: fields.text("precision"),
    soc: fields.text("soc"),
    noise_levels: fields.integers("noise_levels"),
    minimum: Object.fromEntries(minimum.keys().map((key) => [key, minimum.text(key)])),
    graphs: fields.objects("graphs", graphOf),
  };
}

function graphOf(fields: Fields): GraphEntry {
  return {
    stage: fields.text("stage"),
    file: fields.text("file"),
    input: tensorOf(fields.object("input")),
    output: tensorOf(fields.object("output")),
    golden: fields.text("golden"),
    gate_db: fields.integer("gate_db"),
  };
}

function tensorOf(fields: Fields): TensorEntry {
  return {
    name: fields.text("name"),
    shape: fields.integers("shape"),
    layout: fields.text("layout"),
    dtype: fields.text("dtype"),
    scale: fields.text("scale"),
    zero_point: fields.integer("zero_point"),
  };
}

function fileOf(fields: Fields): FileEntry {
  return {
    name: fields.text("name"),
    size: fields.integer("size"),
    sha256: fields.text("sha256"),
  };
}

function pictureOf(fields: Fields): PictureEntry {
  return {
    color: fields.text("color"),
    scale: fields.integer("scale"),
    reduction: fields.integer("reduction"),
    size_multiple: fields.integer("size_multiple"),
    halo_px: fields.integer("halo_px"),
  };
}

function burstOf(fields: Fields): BurstEntry {
  return {
    decoded_px: fields.integer("decoded_px"),
    network_halo_px: fields.integer("network_halo_px"),
  };
}

function refusal(what: string, kind: Kind = "manifest"): Refusal {
  return new Refusal(`${MANIFEST}: ${what}; pack the bundle anew`, kind);
}

function checkFiles(manifest: Manifest): void {
  const names = manifest.files.map((entry) => entry.name);
  checkNames([MANIFEST, ...names]);
  if (names.some((name, index) => index > 0 && name < (names[index - 1] as string))) {
    throw refusal("files: are not in order");
  }
  for (const entry of manifest.files) {
    if (entry.size < 0 || !/^[0-9a-f]{64}$/.test(entry.sha256)) {
      throw refusal(`files: ${entry.name} has no size or no SHA-256`);
    }
  }
  if (new Set(manifest.variants.map(nameOf)).size < manifest.variants.length) {
    throw refusal("variants: two have one name");
  }
  if (manifest.variants.length === 0) throw refusal("variants: there are none");
  if (!PLATFORMS.includes(manifest.platform)) {
    throw refusal(`platform: '${manifest.platform}' is none of ${PLATFORMS.join(", ")}`);
  }
}

function checkVariant(manifest: Manifest, variant: Variant): void {
  const name = nameOf(variant);
  const stages = new Set(variant.graphs.map((graph) => graph.stage));
  if (stages.size === 0 || stages.size < variant.graphs.length) {
    throw refusal(`variants: ${name} has no graph, or two of one stage`);
  }
  if (manifest.burst === undefined && !(stages.size === 1 && stages.has(MODEL))) {
    throw refusal(`variants: ${name} has stages, and the bundle is of one graph`);
  }
  const [low, high] = variant.noise_levels as readonly [number, number];
  if (
    variant.noise_levels.length &&
    !(variant.noise_levels.length === 2 && 0 <= low && low <= high)
  ) {
    throw refusal(`variants: noise_levels of ${name} are not two that increase`);
  }
  for (const graph of variant.graphs) checkGraph(manifest, name, graph);
}

function checkGraph(manifest: Manifest, variant: string, graph: GraphEntry): void {
  if (graph.gate_db < LEAST_GATE_DB || graph.gate_db > MOST_GATE_DB) {
    throw refusal(`variants: ${graph.stage} of ${variant} has no gate`);
  }
  const held = manifest.files.some(
    (entry) => entry.name === graph.file || entry.name.startsWith(`${graph.file}/`),
  );
  if (!held) throw refusal(`variants: ${graph.file} of ${variant} is none of the files`);
  for (const tensor of [graph.input, graph.output]) {
    const sides = tensor.shape.length > 0 && tensor.shape.length <= 4;
    const plain = sides && tensor.shape.every((side) => side > 0 && side <= MOST_ELEMENTS);
    if (!plain || tensor.shape.reduce((all, side) => all * side, 1) > MOST_ELEMENTS) {
      throw refusal(`variants: ${graph.file} has a tensor of impossible shape`);
    }
    if (!DTYPES.includes(tensor.dtype)) {
      throw refusal(`variants: ${graph.file} has a tensor of type ${tensor.dtype}`);
    }
  }
}
