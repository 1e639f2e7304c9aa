/** Burst zoom in a browser: the public face. */
export * from "./face.js";
