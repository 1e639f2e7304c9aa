/** Between the browser's bitmaps and rows of RGB, in strips: no canvas is larger than one strip. */
import type { Rgb8 } from "@edge-sdk/burst-driver";

const STRIP_ROWS = 256;

/** The plain drawing context of a canvas. */
export function context(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const found = canvas.getContext("2d", { willReadFrequently: true });
  if (!found) throw noCanvas();
  return found;
}

function noCanvas(): Error {
  return new Error("this browser gives no canvas to draw on; close other pages and try again");
}

/** A bitmap to show, on white where it is transparent, as {@link rgbOf} has it; the given one is used up. */
export function onWhite(bitmap: ImageBitmap): ImageBitmap {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  // This context draws by itself: pixels that nobody reads back may stay with the GPU.
  const paint = canvas.getContext("2d", { alpha: false });
  if (!paint) throw noCanvas();
  paint.fillStyle = "#fff";
  paint.fillRect(0, 0, width, height);
  paint.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.transferToImageBitmap();
}

/** The pixels of a bitmap, on white where it is transparent. */
export function rgbOf(bitmap: ImageBitmap): Rgb8 {
  const { width, height } = bitmap;
  const data = new Uint8Array(3 * width * height);
  const paint = context(new OffscreenCanvas(width, Math.min(STRIP_ROWS, height)));
  for (let top = 0; top < height; top += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, height - top);
    paint.fillStyle = "#fff";
    paint.fillRect(0, 0, width, rows);
    paint.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const strip = paint.getImageData(0, 0, width, rows).data;
    for (let from = 0, to = 3 * width * top; from < strip.length; from += 4, to += 3) {
      data[to] = strip[from]!;
      data[to + 1] = strip[from + 1]!;
      data[to + 2] = strip[from + 2]!;
    }
  }
  return { width, height, data };
}

/** A part of a picture; beyond its edges transparent. */
export function pixelsOf(
  picture: Rgb8,
  left: number,
  top: number,
  width: number,
  height: number,
): ImageData {
  const out = new ImageData(width, height);
  const [columns, rows] = [
    Math.min(width, picture.width - left),
    Math.min(height, picture.height - top),
  ];
  for (let y = 0; y < rows; y++) {
    let from = 3 * ((top + y) * picture.width + left);
    for (let to = 4 * y * width, end = to + 4 * columns; to < end; to += 4, from += 3) {
      out.data[to] = picture.data[from]!;
      out.data[to + 1] = picture.data[from + 1]!;
      out.data[to + 2] = picture.data[from + 2]!;
      out.data[to + 3] = 255;
    }
  }
  return out;
}

/** A picture as a bitmap to show, of at most so many pixels. */
export async function reduced(picture: Rgb8 | ImageBitmap, pixels: number): Promise<ImageBitmap> {
  const factor = Math.max(1, Math.ceil(Math.sqrt((picture.width * picture.height) / pixels)));
  if (picture instanceof ImageBitmap) {
    const [width, height] = [Math.ceil(picture.width / factor), Math.ceil(picture.height / factor)];
    return createImageBitmap(picture, {
      resizeWidth: width,
      resizeHeight: height,
      resizeQuality: "high",
    });
  }
  return createImageBitmap(
    factor === 1
      ? pixelsOf(picture, 0, 0, picture.width, picture.height)
      : averaged(picture, factor),
  );
}

/** Each pixel the mean of `factor`×`factor`. */
function averaged({ width, height, data }: Rgb8, factor: number): ImageData {
  const out = new ImageData(Math.ceil(width / factor), Math.ceil(height / factor));
  for (let y = 0, to = 0; y < out.height; y++) {
    const bottom = Math.min(height, (y + 1) * factor);
    for (let x = 0; x < out.width; x++, to += 4) {
      const right = Math.min(width, (x + 1) * factor);
      let [red, green, blue, count] = [0, 0, 0, 0];
      for (let row = y * factor; row < bottom; row++) {
        for (let at = 3 * (row * width + x * factor); at < 3 * (row * width + right); at += 3) {
          red += data[at]!;
          green += data[at + 1]!;
          blue += data[at + 2]!;
          count++;
        }
      }
      out.data[to] = red / count;
      out.data[to + 1] = green / count;
      out.data[to + 2] = blue / count;
      out.data[to + 3] = 255;
    }
  }
  return out;
}
