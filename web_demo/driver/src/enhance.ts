/** Single pictures through a model, in windows of its size without seams. */
import type { PictureEntry } from "./bundle/manifest.js";
import { MODEL } from "./bundle/manifest_reading.js";
import { opened } from "./bundle/reading.js";
import type { Bundle, Rgb8, StageRunner, ZoomOptions } from "./face.js";
import { lumaOf } from "./frame.js";
import { rint } from "./numbers.js";
import { Pace } from "./pace.js";
import { Chroma } from "./picture/chroma.js";
import { type Span, windowSpans } from "./picture/windows.js";
import { Refusal } from "./refusal.js";

/** Channels by what they mean. */
const CHANNELS: ReadonlyMap<string, number> = new Map([
  ["y", 1],
  ["rgb", 3],
]);

/** A model's input: side, channels, and what it makes of them. */
interface Model {
  readonly entry: PictureEntry;
  readonly side: number;
  readonly channels: number;
}

/**
 * Enhances a picture with a model for single pictures.
 *
 * A network for luma enlarges that, and color is interpolated.
 *
 * @param picture both sides at least those of the model's windows.
 * @returns the picture, `scale` times as wide and high.
 * @throws Refusal if the bundle is for bursts, or the picture too small.
 */
export async function enhance(
  bundle: Bundle,
  runner: StageRunner,
  picture: Rgb8,
  options: ZoomOptions = {},
): Promise<Rgb8> {
  const model = modelOf(bundle, runner);
  const { side, entry } = model;
  if (picture.data.length !== 3 * picture.width * picture.height) {
    throw new Refusal("the picture has not 3 values a pixel; give red, green, blue", "input");
  }
  if (Math.min(picture.width, picture.height) < side) {
    throw new Refusal(
      `the picture is ${picture.width}×${picture.height} px, and the model takes windows of ` +
        `${side}×${side} px alone; take a larger picture`,
      "input",
    );
  }
  const pace = new Pace(options.signal, options.onProgress);
  const { scale, size_multiple: multiple } = entry;
  const halo = roundedUp(entry.halo_px, multiple);
  const height = roundedUp(picture.height, multiple);
  const width = roundedUp(picture.width, multiple);
  const rows = windowSpans(height, side, halo, multiple);
  const columns = windowSpans(width, side, halo, multiple);
  const made = {
    width: scale * picture.width,
    height: scale * picture.height,
    data: new Uint8Array(3 * scale ** 2 * picture.width * picture.height),
  };
  const chroma = model.channels === 1 ? new Chroma(picture, scale) : undefined;
  const packed = new Float32Array(side * side * model.channels);
  let done = 0;
  for (const row of rows) {
    for (const column of columns) {
      await pace.turn();
      fill(packed, model, picture, row.start, column.start);
      const shape = [1, side, side, model.channels];
      const [output] = await runner.run(MODEL, [{ shape, data: packed }]);
      put(made, output.data, model, row, column, chroma);
      pace.tell("decode", ++done, rows.length * columns.length);
    }
  }
  return made;
}

function modelOf(bundle: Bundle, runner: StageRunner): Model {
  const whole = opened(bundle);
  const entry = whole.manifest.picture;
  const variant = whole.variantFor(runner.backend, runner.precision);
  const graph = variant.graphs.find(({ stage }) => stage === MODEL);
  if (entry === undefined || graph === undefined) {
    const { name, task } = whole.manifest;
    throw new Refusal(`${name} is for ${task || "another task"}, not for single pictures`, "input");
  }
  const channels = CHANNELS.get(entry.color);
  const [, height, width, depth] = graph.input.shape;
  const [, madeHeight, madeWidth, madeDepth] = graph.output.shape;
  const fits =
    channels !== undefined &&
    entry.halo_px >= 0 &&
    entry.size_multiple >= 1 &&
    height % entry.size_multiple === 0 &&
    height === width &&
    depth === channels &&
    madeDepth === channels &&
    madeHeight === entry.scale * height &&
    madeWidth === entry.scale * width &&
    entry.reduction === 1 &&
    height >= 2 * roundedUp(entry.halo_px, entry.size_multiple) + entry.size_multiple;
  if (!fits) {
    throw new Refusal(
      `${graph.file} takes ${graph.input.shape.join("×")} and gives ` +
        `${graph.output.shape.join("×")}, which is no square window that is enlarged ` +
        `×${entry.scale} in ${entry.color}; pack the bundle anew`,
      "graph",
    );
  }
  return { entry, side: height, channels };
}

function roundedUp(length: number, multiple: number): number {
  return Math.ceil(length / multiple) * multiple;
}

/** A window of a picture, continued on the right and below by its last column and row. */
function fill(packed: Float32Array, model: Model, picture: Rgb8, top: number, left: number): void {
  const { side, channels } = model;
  for (let row = 0, to = 0; row < side; row++) {
    const y = Math.min(top + row, picture.height - 1);
    for (let column = 0; column < side; column++, to += channels) {
      const from = 3 * (y * picture.width + Math.min(left + column, picture.width - 1));
      const red = Math.fround(picture.data[from] / 255);
      const green = Math.fround(picture.data[from + 1] / 255);
      const blue = Math.fround(picture.data[from + 2] / 255);
      if (channels === 1) packed[to] = lumaOf(red, green, blue);
      else {
        packed[to] = red;
        packed[to + 1] = green;
        packed[to + 2] = blue;
      }
    }
  }
}

/** Puts what a window keeps into the picture. */
function put(
  made: Rgb8,
  output: Float32Array,
  model: Model,
  row: Span,
  column: Span,
  chroma: Chroma | undefined,
): void {
  const { scale } = model.entry;
  const bottom = Math.min(scale * row.ownEnd, made.height);
  const right = Math.min(scale * column.ownEnd, made.width);
  for (let y = scale * row.ownStart; y < bottom; y++) {
    const from = (y - scale * row.start) * scale * model.side - scale * column.start;
    for (let x = scale * column.ownStart; x < right; x++) {
      const to = 3 * (y * made.width + x);
      if (chroma !== undefined) chroma.put(made.data, to, output[from + x], y, x);
      else for (let k = 0; k < 3; k++) made.data[to + k] = byteOf(output[3 * (from + x) + k]);
    }
  }
}

/** The byte of a value in [0, 1]. */
function byteOf(value: number): number {
  return rint(255 * Math.min(Math.max(value, 0), 1));
}
