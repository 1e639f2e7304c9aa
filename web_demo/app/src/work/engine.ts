import type { Progress, Rgb8, SelfTest, Zoomed } from "@edge-sdk/burst-driver";
import type { Tested, Way } from "./ways";

interface O {
  readonly signal: AbortSignal;
  onProgress(p: Progress): void;
}
export interface Engine {
  readonly kind: "burst" | "single";
  test(way: Way, signal: AbortSignal): Promise<Tested>;
  zoom(way: Way, frames: readonly Rgb8[], options: O): Promise<Zoomed>;
  enhance(way: Way, picture: Rgb8, options: O): Promise<Rgb8>;
}
export async function openEngine(_bytes: Uint8Array): Promise<Engine> {
  throw new Error("x" as string) as unknown as SelfTest;
}
