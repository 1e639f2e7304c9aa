/** Burst zoom: the order of work. Read this file first. */

import type { Variant } from "./bundle/manifest.js";
import { opened } from "./bundle/reading.js";
import { type Burst, matricesOf } from "./burst.js";
import { ofCommonExposure, without } from "./choosing.js";
import type {
  Bundle,
  FrameReport,
  Noise,
  PlaceMap,
  Rgb8,
  StageRunner,
  Zoomed,
  ZoomOptions,
} from "./face.js";
import { Frame, lumaPlane } from "./frame.js";
import { measuredLens } from "./lens/halves.js";
import { merged, type RowSink } from "./merge/merging.js";
import { sourceOf } from "./merge/packing.js";
import { Provenance } from "./merge/provenance.js";
import type { Contributor, Merging } from "./merge/summing.js";
import { measuredNoise } from "./noise/gauge.js";
import { hotPixels, mendedValues } from "./noise/hot_pixels.js";
import { identity, rint } from "./numbers.js";
import { Pace } from "./pace.js";
import { factorOf } from "./photometry/light.js";
import { Refusal } from "./refusal.js";
import { scoresOf } from "./score/lost_parts.js";
import { type LevelSharpness, noiseOfOne, sharpnessOf } from "./score/sharpness.js";
import { checkEnds } from "./stages/ends.js";
import { type Planes, Stages } from "./stages/stages.js";

/** Frames of a burst, at most. */
export const MOST_FRAMES = 48;

/** What a burst became, but for its picture, whose rows went where they were wanted. */
export interface Made {
  /** The frames in their own light, the reference, how others lie on it or why they do not. */
  readonly burst: Burst;
  readonly noise: Noise;
  readonly lensPx: number;
  /** Places 3·(row·width + column) + color. */
  readonly hot: readonly number[];
  /** By frame that was merged, the mean trust in it. */
  readonly shares: ReadonlyMap<number, number>;
  readonly weightMap: PlaceMap;
  readonly agreementMap: PlaceMap;
  readonly seconds: Readonly<Record<string, number>>;
}

/** What tests look at on the way. */
export interface Watcher {
  /** Features of the first piece that is decoded: a part of what `blend` gave. */
  features?(features: Planes, height: number, width: number): void;
}

/**
 * Enlarges a burst.
 *
 * @param bundle one for bursts.
 * @param runner of its graphs.
 * @param frames 1 to 48 of one size, upright, sRGB.
 * @returns the picture, and how it came about.
 * @throws Refusal if frames or bundle do not fit; the reason of the signal if it is aborted.
 */
export async function zoomBurst(
  bundle: Bundle,
  runner: StageRunner,
  frames: readonly Rgb8[],
  options: ZoomOptions = {},
): Promise<Zoomed> {
  const [first] = checkedFrames(frames);
  const { scale } = bundle;
  const [width, height] = [scale * first.width, scale * first.height];
  const data = new Uint8Array(3 * width * height);
  const toBytes: RowSink = (row, rows) => {
    const from = 3 * width * row;
    for (let at = 0; at < rows.data.length; at++) {
      data[from + at] = rint(255 * Math.min(Math.max(rows.data[at], 0), 1));
    }
  };
  const made = await makeZoom(bundle, runner, frames, toBytes, options);
  return {
    picture: { width, height, data },
    reference: made.burst.reference,
    frames: reportsOf(made),
    agreementMap: made.agreementMap,
    weightMap: made.weightMap,
    noise: made.noise,
    lensPx: made.lensPx,
    hotPixels: made.hot.length,
    seconds: made.seconds,
  };
}

/** The same with the picture in floats, rows at a time. */
export async function makeZoom(
  bundle: Bundle,
  runner: StageRunner,
  frames: readonly Rgb8[],
  rows: RowSink,
  options: ZoomOptions = {},
  watcher: Watcher = {},
): Promise<Made> {
  const whole = opened(bundle);
  const variant = whole.variantFor(runner.backend, runner.precision);
  const pace = new Pace(options.signal, options.onProgress);
  const driver = whole.driver(variant);
  checkEnds(driver, variant);
  const stages = new Stages(driver, runner, pace);
  const clock = new Clock();
  const scored = await clock.time("score", score(stages, checkedFrames(frames, stages)));
  const lit = await clock.time("align", ofCommonExposure(scored));
  pace.tell("reference", 1, 1, `frame ${lit.reference}`);
  const alone = lit.alone[lit.reference] / stages.table("imaging.color").LUMA_NOISE;
  const noise = await clock.time("noise", measuredNoise(lit, alone));
  checkNoise(stages, variant, noise);
  const hot = await clock.time("noise", hotPixels(lit, noise.std));
  // From here on frames are in their own light: encode brings them to that of the reference.
  const burst = { ...lit, frames: scored.frames };
  const merging = mergingOf(burst, noise, hot);
  const lensPx = await clock.time("lens", measuredLens(merging));
  const mapPx = stages.table("burst.driver.contributions").MAP_PX;
  const provenance = new Provenance(burst.frames[0], mapPx, merging.others.length);
  clock.start();
  await merged(
    merging,
    lensPx,
    provenance,
    rows,
    (step, done, total) => {
      clock.stop(step);
      pace.tell(step, done, total);
    },
    watcher.features?.bind(watcher),
  );
  const shares = new Map(
    provenance.shares().map((share, at) => [merging.others[at].index, share] as const),
  );
  const least = stages.table("burst.pipeline").MIN_SHARE;
  const nowhere = [...shares].filter(([, share]) => share < least);
  const reasons = new Map(nowhere.map(([index]) => [index, "agrees with the reference nowhere"]));
  return {
    burst: without(burst, reasons),
    noise,
    lensPx,
    hot,
    shares,
    weightMap: provenance.weightMap(),
    agreementMap: provenance.agreementMap(),
    seconds: clock.seconds,
  };
}

/** Frames of one size and of plausible number. */
function checkedFrames(frames: readonly Rgb8[], stages?: Stages): readonly Rgb8[] {
  const least = stages?.table("burst.pipeline").SMALLEST_FRAME_PX ?? 1;
  if (frames.length < 1 || frames.length > MOST_FRAMES) {
    throw new Refusal(`give 1 to ${MOST_FRAMES} frames, not ${frames.length}`, "input");
  }
  const [{ width, height }] = frames;
  if (!(Math.min(width, height) >= least)) {
    throw new Refusal(
      `give frames of at least ${least}×${least} px, not ${width}×${height}`,
      "input",
    );
  }
  for (const [index, frame] of frames.entries()) {
    if (frame.width !== width || frame.height !== height) {
      throw new Refusal(
        `all frames must be ${width}×${height} px, and frame ${index} is ${frame.width}×` +
          `${frame.height}; leave out those of another size`,
        "input",
      );
    }
    if (frame.data.length !== 3 * width * height) {
      throw new Refusal(`frame ${index} has not 3 values a pixel; give red, green, blue`, "input");
    }
  }
  return frames;
}

/** Measures the sharpness of all frames, and what noise is seen in each alone. */
async function score(stages: Stages, frames: readonly Rgb8[]): Promise<Burst> {
  const measured: (readonly LevelSharpness[])[] = [];
  const alone: number[] = [];
  const all = frames.map((frame) => new Frame(frame));
  for (const frame of all) {
    const luma = lumaPlane(frame);
    measured.push(await sharpnessOf(stages, luma));
    alone.push(noiseOfOne(stages, luma));
    stages.pace.tell("score", measured.length, frames.length);
  }
  const scores = scoresOf(stages, measured);
  return { stages, frames: all, alone, scores, reference: 0, found: new Map(), lights: new Map() };
}

/** An int8 network is for noise that its ranges were chosen by. */
function checkNoise(stages: Stages, variant: Variant, noise: Noise): void {
  if (variant.noise_levels.length === 0) return;
  const [low, high] = variant.noise_levels.map((level) => level / 100);
  const tolerance = stages.table("burst.converted.running").NOISE_TOLERANCE;
  const level = 255 * noise.std;
  if (level < low / tolerance || level > high * tolerance) {
    throw new Refusal(
      `these ${variant.precision} stages were calibrated on noise of ${low} to ${high} levels, and ` +
        `this burst has ${level.toFixed(1)}; take the precision fp32`,
      "input",
    );
  }
}

function mergingOf(burst: Burst, noise: Noise, hot: readonly number[]): Merging {
  const sources = burst.frames.map((frame) => sourceOf(frame, mendedValues(frame, hot)));
  const others = [...matricesOf(burst)].map(
    ([index, matrix]): Contributor => ({
      index,
      source: sources[index],
      matrix,
      light: burst.lights.get(index),
    }),
  );
  return { stages: burst.stages, reference: sources[burst.reference], others, noise };
}

function reportsOf(made: Made): readonly FrameReport[] {
  const { burst } = made;
  const power = burst.stages.table("burst.photometry.exposure").CURVE_POWER;
  const shown = burst.stages.table("burst.reference.choice").LEAST_SHOWN;
  const least = shown * Math.max(...burst.scores);
  return burst.frames.map((_, index): FrameReport => {
    const isReference = index === burst.reference;
    const found = burst.found.get(index);
    const score = burst.scores[index];
    const blank = score < least && found?.reason ? "; it shows nothing: black or covered" : "";
    const reason = `${found?.reason ?? ""}${blank}`;
    const used = isReference || reason === "";
    const matrix = isReference ? identity() : found?.matrix;
    const agreement = made.shares.get(index);
    const light = burst.lights.get(index);
    return {
      index,
      score,
      isReference,
      used,
      reason,
      ...(used && matrix !== undefined ? { shift: [matrix[2], matrix[5]] as const } : {}),
      ...(agreement === undefined ? {} : { agreement }),
      ...(light === undefined ? {} : { light: power * Math.log2(factorOf(light)) }),
    };
  });
}

/** Seconds by step. */
class Clock {
  readonly seconds: Record<string, number> = {};
  #started = 0;

  start(): void {
    this.#started = performance.now();
  }

  /** Adds what passed since the last start or stop. */
  stop(step: string): void {
    const now = performance.now();
    this.seconds[step] = (this.seconds[step] ?? 0) + (now - this.#started) / 1000;
    this.#started = now;
  }

  async time<T>(step: string, work: Promise<T>): Promise<T> {
    this.start();
    const made = await work;
    this.stop(step);
    return made;
  }
}
