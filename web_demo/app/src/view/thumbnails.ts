/** Small pictures of the frames, made when their table is opened. */

import type { Remote } from "../jobs/calls";
import type { PixelWork } from "../jobs/pixels.worker";
import type { Picture } from "../pictures/intake";
import { byId, make, show } from "./dom";

const HEIGHT_PX = 72;

export class Thumbnails {
  /** By index of a frame, those that are made. */
  readonly canvases = new Map<number, HTMLCanvasElement>();
  private readonly pixels: Remote<PixelWork>;
  private readonly onMade: () => void;
  private readonly details = byId("frames", HTMLDetailsElement);
  private pictures: readonly Picture[] = [];

  constructor(pixels: Remote<PixelWork>, onMade: () => void) {
    this.pixels = pixels;
    this.onMade = onMade;
    this.details.addEventListener("toggle", () => void this.makeMissing());
  }

  /** Forget those of an earlier burst. */
  of(pictures: readonly Picture[]): void {
    this.pictures = pictures;
    this.canvases.clear();
    void this.makeMissing();
  }

  private async makeMissing(): Promise<void> {
    const { pictures } = this;
    if (!this.details.open || this.canvases.size === pictures.length) return;
    for (const [index, { file, name }] of pictures.entries()) {
      if (this.canvases.has(index)) continue;
      // A file that cannot be decoded is complained of by the work on it.
      const bitmap = await this.pixels.thumbnail(file, name, HEIGHT_PX).catch(() => undefined);
      if (this.pictures !== pictures) return bitmap?.close();
      if (!bitmap) continue;
      const canvas = make("canvas", {
        className: "thumbnail",
        // The name stands beside it.
        attributes: { "aria-hidden": "true" },
      });
      show(canvas, bitmap);
      this.canvases.set(index, canvas);
    }
    this.onMade();
  }
}
