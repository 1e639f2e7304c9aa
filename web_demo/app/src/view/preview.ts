/** The first frame on the stage, faint, while the picture is made of it. */

import type { Remote } from "../jobs/calls";
import type { PixelWork } from "../jobs/pixels.worker";
import type { Picture } from "../pictures/intake";
import { byId, show } from "./dom";

export class Preview {
  private readonly canvas = byId("preview", HTMLCanvasElement);
  private readonly empty = byId("empty", HTMLDivElement);
  private readonly pixels: Remote<PixelWork>;
  private wanted: Picture | undefined;

  constructor(pixels: Remote<PixelWork>) {
    this.pixels = pixels;
  }

  /** Show a picture as soon as it is decoded, unless another or none is wanted by then. */
  async open(picture: Picture): Promise<void> {
    this.wanted = picture;
    this.empty.hidden = true;
    // A file that cannot be decoded is complained of by the work on it.
    const bitmap = await this.pixels.preview(picture.file, picture.name).catch(() => undefined);
    if (this.wanted !== picture || !bitmap) return bitmap?.close();
    show(this.canvas, bitmap);
    this.canvas.setAttribute("aria-label", `First frame: ${picture.name}`);
    this.canvas.hidden = false;
  }

  /** Ask for pictures again. */
  reset(): void {
    this.close();
    this.empty.hidden = false;
  }

  /** Make room for the result. */
  close(): void {
    this.wanted = undefined;
    this.canvas.hidden = this.empty.hidden = true;
  }
}
