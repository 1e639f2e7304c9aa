/** What a page and its worker say to each other. */
import type { Manifest } from "./bundle/manifest.js";
import type { Progress, Rgb8, RunnerOptions, SelfTest, Zoomed } from "./face.js";
import type { Kind } from "./refusal.js";

/** What a page learns of a bundle that its worker opened. */
export interface OpenedBundle {
  readonly manifest: Manifest;
  readonly kind: "burst" | "single";
  readonly name: string;
  readonly scale: number;
  readonly sha256: string;
  readonly signed: boolean;
}

/** Work that a worker can be asked for, and what comes of it. */
export interface Jobs {
  open: [{ readonly bundle: Uint8Array; readonly key?: Uint8Array | undefined }, OpenedBundle];
  use: [RunnerOptions, { readonly threads: number }];
  selfTest: [{ readonly bursts: boolean | number }, SelfTest];
  zoom: [{ readonly frames: readonly Rgb8[] }, Zoomed];
  enhance: [{ readonly picture: Rgb8 }, Rgb8];
}

export type JobName = keyof Jobs;

export type Request =
  | {
      [N in JobName]: { readonly id: number; readonly job: N; readonly given: Jobs[N][0] };
    }[JobName]
  | { readonly id: number; readonly job: "cancel" };

export type Reply =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly made: Jobs[JobName][1] }
  | { readonly id: number; readonly failed: Failure };

/** An error that crosses over: a refusal has a kind. */
export interface Failure {
  readonly kind: Kind | "abort" | "error";
  readonly message: string;
}
