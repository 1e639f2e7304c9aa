/** Burst zoom in a browser: the public face. Read `zoom.ts` first: it is the order of work. */
export type {
  BurstEntry,
  FileEntry,
  GraphEntry,
  Manifest,
  PictureEntry,
  TensorEntry,
  Variant,
} from "./bundle/manifest.js";
export { type ReadOptions, readBundle } from "./bundle/reading.js";
export type { PublicKey } from "./bundle/signature.js";
export { BurstWorker } from "./burst_worker.js";
export { enhance } from "./enhance.js";
export * from "./face.js";
export type { OpenedBundle } from "./messages.js";
export { type Kind, Refusal } from "./refusal.js";
export { fromRgba, toRgba } from "./rgba.js";
export { liteRtRunner } from "./run/litert.js";
export { hasNumbers, selfTest } from "./self_test.js";
export { MOST_FRAMES, zoomBurst } from "./zoom.js";
