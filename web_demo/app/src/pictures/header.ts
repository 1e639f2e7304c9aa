import { Complaint } from "./complaint";

/** What the first bytes of a picture's file say, read without decoding it. */
export interface PictureHeader {
  readonly format: "JPEG" | "PNG" | "WebP" | "HEIC" | "AVIF";
  /** Size as stored, in pixels, before any turning that EXIF asks for. */
  readonly width: number;
  readonly height: number;
}

export type Format = PictureHeader["format"];

const WINDOW_BYTES = 65536;

/** Kinds of files that people rename or drop by mistake, by how they begin. */
const OTHERS: readonly (readonly [start: string, name: string])[] = [
  ["%PDF", "a PDF"],
  ["GIF8", "a GIF"],
  ["BM", "a BMP picture"],
  ["II*\0", "a TIFF or raw picture"],
  ["MM\0*", "a TIFF or raw picture"],
  ["PK\x03\x04", "a zip file"],
  ["\x1a\x45\xdf\xa3", "a video"],
  ["<", "text"],
];

/**
 * Read format and size of a picture.
 *
 * @param file the whole file; only some of its first bytes are read.
 * @param name how people know the file.
 * @throws Complaint if it is none of the formats that this page takes, or ends too early.
 */
export async function readHeader(file: Blob, name: string): Promise<PictureHeader> {
  const head = await bytesAt(file, 0);
  if (head.byteLength === 0) throw new Complaint(`${name}: is empty`);
  const format = formatIn(head);
  if (!format) {
    const what = nameOf(latin1(head, 0, 12));
    throw new Complaint(`${name}: is ${what}; give JPEG, PNG, WebP or HEIC pictures`);
  }
  const size = await sizeIn(file, head, format);
  if (!size || size.width < 1 || size.height < 1) {
    throw new Complaint(`${name}: is damaged or cut off; give a whole copy`);
  }
  return { format, width: size.width, height: size.height };
}

/** What a file is by how it begins; nothing for what is none of these. */
export async function formatOf(file: Blob): Promise<Format | undefined> {
  return formatIn(await bytesAt(file, 0));
}

function formatIn(head: DataView): Format | undefined {
  const start = latin1(head, 0, 12);
  if (start.startsWith("\xff\xd8\xff")) return "JPEG";
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (start.startsWith("RIFF") && start.endsWith("WEBP")) return "WebP";
  if (start.slice(4, 8) !== "ftyp") return undefined;
  const brands = latin1(head, 8, Math.min(head.getUint32(0), 64));
  if (/avi[fs]/.test(brands)) return "AVIF";
  return /hei[cxms]|hev[cx]|mif1/.test(brands) ? "HEIC" : undefined;
}

function sizeIn(
  file: Blob,
  head: DataView,
  format: Format,
): Size | undefined | Promise<Size | undefined> {
  switch (format) {
    case "JPEG":
      return jpegSize(file);
    case "PNG":
      return pngSize(head);
    case "WebP":
      return webpSize(head);
    default:
      return largestItem(head);
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

async function bytesAt(file: Blob, offset: number): Promise<DataView> {
  return new DataView(await file.slice(offset, offset + WINDOW_BYTES).arrayBuffer());
}

function latin1(view: DataView, from: number, to: number): string {
  let text = "";
  for (let at = from; at < Math.min(to, view.byteLength); at++) {
    text += String.fromCharCode(view.getUint8(at));
  }
  return text;
}

function nameOf(start: string): string {
  if (start.slice(4, 8) === "ftyp") return "a video";
  const known = OTHERS.find(([beginning]) => start.startsWith(beginning));
  return known ? known[1] : "no picture that this page knows";
}

/** Walk from segment to segment up to the frame header; EXIF and previews are jumped over. */
async function jpegSize(file: Blob): Promise<Size | undefined> {
  let offset = 2;
  let [view, base] = [await bytesAt(file, 0), 0];
  for (let segments = 0; segments < 1000; segments++) {
    if (offset + 9 > base + view.byteLength) {
      [view, base] = [await bytesAt(file, offset), offset];
      if (view.byteLength < 9) return undefined;
    }
    const at = offset - base;
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      offset += 1; // fill bytes before a marker
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    if (marker === 0xda || marker === 0xd9) return undefined;
    offset += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function pngSize(view: DataView): Size | undefined {
  if (view.byteLength < 24 || latin1(view, 12, 16) !== "IHDR") return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

function webpSize(view: DataView): Size | undefined {
  if (view.byteLength < 30) return undefined;
  const little = (at: number): number => view.getUint16(at, true);
  switch (latin1(view, 12, 16)) {
    case "VP8 ":
      return { width: little(26) & 0x3fff, height: little(28) & 0x3fff };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X": {
      const three = (at: number): number => little(at) | (view.getUint8(at + 2) << 16);
      return { width: three(24) + 1, height: three(27) + 1 };
    }
    default:
      return undefined;
  }
}

/** HEIC and AVIF state the sizes of all their items; the picture's own is the largest. */
function largestItem(view: DataView): Size | undefined {
  let largest: Size | undefined;
  for (let at = 4; at + 16 <= view.byteLength; at++) {
    if (view.getUint32(at) !== 0x69737065) continue; // "ispe"
    const size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (!largest || size.width * size.height > largest.width * largest.height) largest = size;
  }
  return largest;
}
