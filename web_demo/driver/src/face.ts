/** What the package takes and gives: the records of its public face. */
import type { Manifest, Variant } from "./bundle/manifest.js";

/** A picture of 8 bits: interleaved R, G, B, sRGB-encoded, rows from the top. */
export type Rgb8 = {
  readonly width: number;
  readonly height: number;
  /** 3·width·height values. */
  readonly data: Uint8Array;
};

/**
 * A tensor of single floats, in the order in which a graph has its axes: channels last.
 *
 * What a runner gives is overwritten when the same stage runs again.
 */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A bundle that is whole: all its files are there, no others, and each is what was packed. */
export interface Bundle {
  readonly manifest: Manifest;
  readonly kind: "burst" | "single";
  readonly name: string;
  /** Enlargement; 1 for a model that gives pictures of the size it takes. */
  readonly scale: number;
  /** SHA-256 of the manifest, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Whether its signature was checked by a key. */
  readonly signed: boolean;
  /** Contents of a file; throws a {@link Refusal} if there is none of that name. */
  file(path: string): Uint8Array;
  variants(): readonly Variant[];
}

export type Backend = "wasm" | "webgpu";
export type Precision = "fp32" | "int8" | "fp16";

/** Runs the graphs of one variant of a bundle. */
export interface StageRunner {
  readonly backend: Backend;
  readonly precision: Precision;
  /** Runs a stage, `model` in a bundle of one graph, on its one input. */
  run(stage: string, inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  /** Work that was given to the GPU so far; `undefined` on WASM. */
  dispatches(): number | undefined;
  close(): void;
}

export interface Progress {
  readonly step: "score" | "reference" | "align" | "merge" | "decode";
  readonly done: number;
  readonly total: number;
  readonly note?: string;
}

/** What became of a frame. */
export interface FrameReport {
  /** 0-based, in the order of the frames. */
  readonly index: number;
  /** Sharpness: Σ S²/(S + P) over levels. */
  readonly score: number;
  readonly isReference: boolean;
  readonly used: boolean;
  /** Why it was left out; empty for one that was not. */
  readonly reason: string;
  /** Where the middle of the reference lies on it, in pixels from its own middle. */
  readonly shift?: readonly [dx: number, dy: number];
  /** Its mean trust, 0 to 1. */
  readonly agreement?: number;
  /** Its light over that of the reference, in stops; absent where it does not differ. */
  readonly light?: number;
}

/** A map of the reference in squares of `MAP_PX` pixels, rows from the top. */
export interface PlaceMap {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Noise of the burst. */
export interface Noise {
  /** Typical standard deviation of luma, in [0, 1]. */
  readonly std: number;
  /** s and s′ by color and level, 3×6×2 values. */
  readonly curves: Float64Array;
}

/** The enlarged picture, and how it came about. */
export interface Zoomed {
  readonly picture: Rgb8;
  readonly reference: number;
  readonly frames: readonly FrameReport[];
  /** Mean trust in the other merged frames, 0 to 1. */
  readonly agreementMap: PlaceMap;
  /** Frames' worth of samples, 1 for the reference alone. */
  readonly weightMap: PlaceMap;
  readonly noise: Noise;
  /** Blur of the lens, standard deviation in pixels of a frame. */
  readonly lensPx: number;
  /** Hot pixels of the sensor that were mended. */
  readonly hotPixels: number;
  /** Seconds by step. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** How one graph did on its golden vector. */
export interface StageTest {
  readonly stage: string;
  readonly decibels: number;
  readonly gate: number;
  /** Of one run. */
  readonly milliseconds: number;
}

/** One step of the driver on a golden burst, held against what the SDK's driver had there. */
export interface StepTest {
  readonly step: string;
  /** Signal over noise in dB, or how far off it is in pixels of a frame. */
  readonly found: number;
  /** Least decibels, or most pixels. */
  readonly gate: number;
  readonly unit: "dB" | "px";
}

/** How the driver did on a golden burst. */
export interface BurstTest {
  readonly name: string;
  readonly decibels: number;
  readonly gate: number;
  /** What was decided otherwise, or which step is not near enough; empty for nothing. */
  readonly differs: string;
  /** Steps on the way to the picture, in the order of work. */
  readonly steps: readonly StepTest[];
  readonly milliseconds: number;
}

export interface SelfTest {
  readonly backend: Backend;
  readonly precision: Precision;
  /** Of the vector or burst that is nearest to its gate, or furthest below. */
  readonly decibels: number;
  readonly gate: number;
  readonly passes: boolean;
  /** Of one run of each graph: by this backends compare, whether bursts were asked for or not. */
  readonly milliseconds: number;
  /** Work that the GPU was given; absent on WASM. */
  readonly dispatches?: number;
  readonly stages: readonly StageTest[];
  /** Golden bursts; empty if they were not asked for, or there are none. */
  readonly bursts: readonly BurstTest[];
  /** Why it does not pass, and what to do; empty if it does. */
  readonly reason: string;
}

export interface SelfTestOptions {
  readonly signal?: AbortSignal | undefined;
  /** How many golden bursts are zoomed too; `true` for all. */
  readonly bursts?: boolean | number | undefined;
}

export interface ZoomOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface RunnerOptions {
  readonly backend: Backend;
  readonly precision: Precision;
  /** Folder of @litertjs/core's `wasm` files, ending in `/`. */
  readonly wasmUrl: string;
  /** Threads on WASM; more than one needs a page that is cross-origin isolated. */
  readonly threads?: number | undefined;
}
