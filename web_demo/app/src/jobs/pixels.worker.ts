/** All that touches pixels but the models: decoding, what is shown, cut-outs, maps, PNG. */
import type { Rgb8 } from "@edge-sdk/burst-driver";
import { Complaint } from "../pictures/complaint";
import { formatOf } from "../pictures/header";
import { type Heat, heatmap } from "../pictures/heatmap";
import { encodePng, type PngTexts } from "../pictures/png";
import { context, onWhite, pixelsOf, reduced, rgbOf } from "../pictures/raster";
import { answer, moving } from "./calls";

/** More pixels than this are shown reduced: phones refuse larger canvases. The picture is whole. */
const SHOWN_PIXELS = 16_000_000;

const PREVIEW_PIXELS = 1_000_000;

/** The two pictures of the slider, or what they are at one place. */
export interface Pair {
  readonly before: ImageBitmap;
  readonly after: ImageBitmap;
}

let result: Rgb8 | undefined;
let original: ImageBitmap | undefined;

const work = {
  /** The pixels of a file, turned as its EXIF says, in sRGB, on white where it is transparent. */
  async decode(file: Blob, name: string): Promise<Rgb8> {
    const bitmap = await bitmapOf(file, name);
    try {
      const picture = rgbOf(bitmap);
      return moving(picture, [picture.data.buffer as ArrayBuffer]);
    } finally {
      bitmap.close();
    }
  },

  /** What is shown of a file while it is worked on. */
  async preview(file: Blob, name: string): Promise<ImageBitmap> {
    const bitmap = await bitmapOf(file, name);
    try {
      const shown = onWhite(await reduced(bitmap, PREVIEW_PIXELS));
      return moving(shown, [shown]);
    } finally {
      bitmap.close();
    }
  },

  /** A file for the list, `height` px high. */
  async thumbnail(file: Blob, name: string, height: number): Promise<ImageBitmap> {
    const options: ImageBitmapOptions = { resizeHeight: height, resizeQuality: "medium" };
    const shown = onWhite(await bitmapOf(file, name, options));
    return moving(shown, [shown]);
  },

  /**
   * Keep a picture as the result, and a file as what it is compared with, in place of those before; what
   * is shown of both. Those before stay if that does not succeed.
   */
  async finish(picture: Rgb8, file: Blob, name: string): Promise<Pair> {
    const bitmap = await bitmapOf(file, name);
    const before = onWhite(await reduced(bitmap, SHOWN_PIXELS));
    const after = await reduced(picture, SHOWN_PIXELS);
    original?.close();
    [original, result] = [bitmap, picture];
    return moving({ before, after }, [before, after]);
  },

  /**
   * Both pictures around a place, pixel for pixel of the result.
   *
   * @param x, y the middle, as shares of width and height.
   * @param side of the square, in pixels of the result.
   */
  async cutout(x: number, y: number, side: number): Promise<Pair> {
    if (!result || !original) throw new Complaint("there is no result to magnify yet");
    const left = Math.round(clamp(x * result.width - side / 2, 0, result.width - side));
    const top = Math.round(clamp(y * result.height - side / 2, 0, result.height - side));
    const [across, down] = [original.width / result.width, original.height / result.height];
    const canvas = new OffscreenCanvas(side, side);
    const paint = context(canvas);
    paint.fillStyle = "#fff";
    paint.fillRect(0, 0, side, side);
    paint.imageSmoothingQuality = "high";
    paint.drawImage(
      original,
      left * across,
      top * down,
      side * across,
      side * down,
      0,
      0,
      side,
      side,
    );
    const before = canvas.transferToImageBitmap();
    const after = await createImageBitmap(pixelsOf(result, left, top, side, side));
    return moving({ before, after }, [before, after]);
  },

  /** The result as a PNG file. */
  async encode(texts: PngTexts): Promise<Blob> {
    if (!result) throw new Complaint("there is no result to save yet");
    return encodePng(result, texts);
  },

  /** A map as a picture. */
  async heat(map: Heat): Promise<ImageBitmap> {
    const picture = await createImageBitmap(heatmap(map));
    return moving(picture, [picture]);
  },

  /** What a camera showed, as a file without loss. */
  async still(frame: ImageBitmap): Promise<Blob> {
    const picture = rgbOf(frame);
    frame.close();
    return encodePng(picture, {});
  },
};

export type PixelWork = typeof work;

async function bitmapOf(
  file: Blob,
  name: string,
  options: ImageBitmapOptions = {},
): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, {
      ...options,
      imageOrientation: "from-image",
      colorSpaceConversion: "default",
    });
  } catch {
    const format = await formatOf(file);
    throw new Complaint(
      format === "HEIC" || format === "AVIF"
        ? `${name}: this browser does not decode this ${format} file; give it as JPEG or PNG`
        : `${name}: is damaged or cut off; give a whole copy`,
    );
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, Math.max(low, high)));
}

answer(work);
