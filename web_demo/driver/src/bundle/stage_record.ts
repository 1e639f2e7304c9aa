/** The stages of one variant of a bundle for bursts: complete, and of sizes that fit each other. */
import { Refusal } from "../refusal.js";
import { constantNames, type List, type Module, misfit, type Table, tableOf } from "./constants.js";
import { type Fields, readJson } from "./fields.js";
import type { Manifest, Variant } from "./manifest.js";
import { nameOf } from "./manifest_reading.js";
import { DRIVER, MANIFEST } from "./names.js";

export const STAGES = [
  "score",
  "smooth",
  "halve",
  "surround",
  "search",
  "expand",
  "align",
  "encode",
  "blend",
  "decode",
] as const;
export type Stage = (typeof STAGES)[number];
export type Shape = readonly [number, number, number, number];

const BLEND_HALO_PX = 1;
const ENCODE_HALO_PX = 5;
const ENCODE_CHANNELS = 12;
const ALIGN_CHANNELS = 15;

/** What a driver knows of the files and of the contract. */
export interface Driver {
  readonly scale: number;
  /** By stage, of its input: N×C×H×W. */
  readonly shapes: Readonly<Record<Stage, Shape>>;
  /** Most rows and columns that `decode` makes, in pixels of a frame. */
  readonly decodedPx: number;
  /** Margin that the network consumes, likewise. */
  readonly networkHaloPx: number;
  /** Most noise that `blend` is told. */
  readonly learnedStd: number;
  /** Constants of one module of the contract. */
  table<M extends Module>(module: M): Table<M>;
  list(name: List): readonly number[];
}

/** Checks the stages of a variant, and reads what `driver.json` says of them. */
export function readDriver(manifest: Manifest, variant: Variant, text: Uint8Array): Driver {
  const known = stageSizes(manifest, variant);
  const fields = readJson(text, DRIVER, "graph");
  const shapes = fields.object("shapes");
  const told = STAGES.map((stage) => String(shapes.integers(stage)));
  const same =
    fields.integer("scale") === known.scale &&
    fields.integer("decoded_px") === known.decodedPx &&
    fields.integer("network_halo_px") === known.networkHaloPx &&
    shapes.keys().length === STAGES.length &&
    STAGES.every((stage, index) => told[index] === String(known.shapes[stage]));
  if (!same) {
    throw new Refusal(
      `${DRIVER}: says of the stages what ${MANIFEST} does not; pack it anew`,
      "graph",
    );
  }
  const learnedStd = fields.number("learned_std");
  return { ...known, learnedStd, ...constantsOf(fields.object("constants")) };
}

/** All constants are there, and near the contract's; what is computed with is the bundle's. */
function constantsOf(fields: Fields): Pick<Driver, "table" | "list"> {
  const missing = constantNames().find((name) => !fields.has(name));
  if (missing !== undefined) {
    throw new Refusal(`${DRIVER}: has no constant ${missing}; pack the bundle anew`, "graph");
  }
  const unfit = misfit(fields);
  if (unfit) {
    const what = `a constant ${unfit} that no driver takes`;
    throw new Refusal(`${DRIVER}: has ${what}; pack the bundle anew`, "graph");
  }
  const tables = new Map<Module, Table<Module>>();
  return {
    table: <M extends Module>(module: M) => {
      const table = tables.get(module) ?? tableOf(fields, module);
      tables.set(module, table);
      return table as Table<M>;
    },
    list: (name) => fields.numbers(name),
  };
}

type Sizes = Pick<Driver, "scale" | "shapes" | "decodedPx" | "networkHaloPx">;

function stageSizes(manifest: Manifest, variant: Variant): Sizes {
  const { picture, burst } = manifest;
  const graphs = new Map(variant.graphs.map((graph) => [graph.stage, graph]));
  const missing = STAGES.find((stage) => !graphs.has(stage));
  if (picture === undefined || burst === undefined || missing !== undefined) {
    const what = missing === undefined ? "scale" : `stage ${missing}`;
    throw refusal(`${nameOf(variant)} has no ${what}`);
  }
  const shapes = Object.fromEntries(
    STAGES.map((stage) => {
      const input = graphs.get(stage)?.input;
      const shape = input === undefined ? [] : asTorch(input.shape, input.layout);
      if (shape.length !== 4) throw refusal(`${stage} takes no picture`);
      return [stage, shape];
    }),
  ) as unknown as Readonly<Record<Stage, Shape>>;
  const scale = picture.scale;
  if (scale < 1 || scale > 4 || shapes.decode[1] !== 4 * scale ** 2 + 8) {
    throw refusal(`decode does not enlarge ×${scale}`);
  }
  const sizes = {
    scale,
    shapes,
    decodedPx: burst.decoded_px,
    networkHaloPx: burst.network_halo_px,
  };
  checkSizes(sizes);
  if (variant.precision.startsWith("int8") && variant.noise_levels.length === 0) {
    throw refusal(`${nameOf(variant)} does not say what noise it was calibrated on`);
  }
  return sizes;
}

function checkSizes({ scale, shapes, decodedPx, networkHaloPx }: Sizes): void {
  const reachPx = Math.floor((shapes.search[1] - 4) / 2);
  const channels: Readonly<Partial<Record<Stage, number>>> = {
    score: 2,
    smooth: 1,
    halve: 1,
    surround: 1,
    search: 2 * reachPx + 4,
    expand: 1,
    align: ALIGN_CHANNELS,
    encode: ENCODE_CHANNELS,
    blend: 4 * scale ** 2 + 6,
  };
  for (const stage of STAGES) {
    const shape = shapes[stage];
    const expected = channels[stage] ?? shape[1];
    if (shape[0] !== 1 || Math.min(...shape) < 1 || shape[1] !== expected) {
      throw refusal(`${stage} cannot take ${shape.join("×")}`);
    }
  }
  const decodePx = decodedPx + 2 * networkHaloPx;
  const tilePx = Math.min(shapes.encode[2], shapes.encode[3]) - 2 * ENCODE_HALO_PX;
  const fits =
    shapes.decode.slice(2).every((side) => side === decodePx) &&
    shapes.blend.slice(2).every((side) => side === decodePx + 2 * BLEND_HALO_PX) &&
    Math.min(reachPx, networkHaloPx + 1, tilePx, decodedPx) >= 1;
  if (!fits) throw refusal("the stages disagree in tile size");
}

/** A shape in the order N×C×H×W. */
export function asTorch(shape: readonly number[], layout: string): readonly number[] {
  if (layout !== "NHWC" || shape.length !== 4) return shape;
  const [n, h, w, c] = shape as Shape;
  return [n, c, h, w];
}

function refusal(what: string): Refusal {
  return new Refusal(`${MANIFEST}: ${what}; pack the bundle anew`, "graph");
}
