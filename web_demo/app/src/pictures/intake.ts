/** What was dropped, checked by its headers before anything is decoded. */
import { Complaint } from "./complaint";
import { readHeader } from "./header";

/** A picture as a file, and how people know it. */
export interface Picture {
  readonly name: string;
  readonly file: Blob;
}

/** Pictures that can be worked on, in their order. */
export interface Intake {
  readonly pictures: readonly Picture[];
  /** Size of each as stored. */
  readonly width: number;
  readonly height: number;
  /** What is worth knowing of it though it can be worked on; often empty. */
  readonly note: string;
}

export interface Limits {
  /** Most frames of a burst. */
  readonly frames: number;
  /** Least width and height of a frame, in pixels. */
  readonly leastPx: number;
  /** Most pixels of one picture. */
  readonly pixels: number;
  /** Most bytes that the frames and the result may take as RGB. */
  readonly bytes: number;
}

/** What is done with the pictures: merged to one, or one of them enhanced. */
export interface Purpose {
  readonly kind: "burst" | "single";
  readonly scale: number;
}

/** Bounds of what this device computes without running out of memory. */
export function limitsOf(memoryGb: number | undefined): Limits {
  // Browsers say at most 8, and some nothing: those are taken for a phone of 4 GB.
  const bytes = (memoryGb ?? 4) * 2 ** 30 * 0.2;
  return { frames: 48, leastPx: 32, pixels: 50e6, bytes: Math.min(bytes, 1.5 * 2 ** 30) };
}

/**
 * Check pictures for a purpose.
 *
 * @throws Complaint naming the first picture that cannot be taken, and what to do.
 */
export async function checked(
  pictures: readonly Picture[],
  purpose: Purpose,
  limits: Limits,
): Promise<Intake> {
  const [first, ...others] = pictures;
  if (!first) throw new Complaint("nothing to work on: give pictures, or a folder of them");
  if (purpose.kind === "single" && others.length > 0) {
    throw new Complaint(
      `this model takes one picture, not ${pictures.length}; choose burst zoom for a burst`,
    );
  }
  if (pictures.length > limits.frames) {
    throw new Complaint(`${pictures.length} frames are too many; give at most ${limits.frames}`);
  }
  const own = await readHeader(first.file, first.name);
  requireSize(first.name, own.width, own.height, limits);
  for (const { file, name } of others) {
    const { width, height } = await readHeader(file, name);
    requireSize(name, width, height, limits);
    if (width !== own.width || height !== own.height) {
      throw new Complaint(
        `${name} has ${width}×${height} px, ${first.name} ${own.width}×${own.height}; ` +
          "give frames of one burst, all of one size",
      );
    }
  }
  requireMemory(pictures.length, own.width * own.height, purpose.scale, limits.bytes);
  const alone = purpose.kind === "burst" && others.length === 0;
  const note = alone
    ? "One frame alone: it is enlarged, but there is nothing to merge it with."
    : "";
  return { pictures, width: own.width, height: own.height, note };
}

function requireSize(name: string, width: number, height: number, limits: Limits): void {
  if (width * height > limits.pixels) {
    const megapixels = Math.round((width * height) / 1e6);
    throw new Complaint(
      `${name} has ${megapixels} megapixels; give pictures of at most ${limits.pixels / 1e6}`,
    );
  }
  if (Math.min(width, height) < limits.leastPx) {
    throw new Complaint(
      `${name} has ${width}×${height} px; give at least ${limits.leastPx}×${limits.leastPx}`,
    );
  }
}

function requireMemory(frames: number, pixels: number, scale: number, bytes: number): void {
  const [perFrame, result] = [3 * pixels, 3 * pixels * scale ** 2];
  if (frames * perFrame + result <= bytes) return;
  const most = Math.floor((bytes - result) / perFrame);
  const advice =
    most >= 1 ? `give at most ${most} of this size, or smaller ones` : "give smaller ones";
  throw new Complaint(
    `${frames === 1 ? "this picture needs" : `${frames} such frames need`} ` +
      `${Math.ceil((frames * perFrame + result) / 2 ** 20)} MB, more than is safe on this device; ${advice}`,
  );
}
