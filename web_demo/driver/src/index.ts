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
export * from "./face.js";
export { type Kind, Refusal } from "./refusal.js";
export { liteRtRunner } from "./run/litert.js";
export { selfTest } from "./self_test.js";
export { zoomBurst } from "./zoom.js";
