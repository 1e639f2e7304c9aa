import type { Rgb8 } from "@edge-sdk/burst-driver";

/** Texts in a PNG file: keyword of 1 to 79 characters, and what it says; both Latin-1. */
export type PngTexts = Readonly<Record<string, string>>;

const SIGNATURE = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PAETH = 4;
const ROWS_AT_ONCE = 64;

/**
 * Write a picture as PNG, 8 bits of RGB, sRGB, with texts that say where it came from.
 *
 * Rows go through the browser's own deflate as they come, so that size is bounded by no canvas.
 */
export async function encodePng(picture: Rgb8, texts: PngTexts): Promise<Blob> {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, picture.width);
  header.setUint32(4, picture.height);
  header.setUint8(8, 8); // bits
  header.setUint8(9, 2); // RGB
  const parts: Uint8Array<ArrayBuffer>[] = [
    SIGNATURE,
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("sRGB", new Uint8Array([0])),
    ...Object.entries(texts).map(([keyword, text]) => chunk("tEXt", latin1(`${keyword}\0${text}`))),
  ];
  const packed = filteredRows(picture).pipeThrough(new CompressionStream("deflate"));
  const reader = packed.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(chunk("IDAT", next.value as Uint8Array<ArrayBuffer>));
  }
  parts.push(chunk("IEND", new Uint8Array(0)));
  return new Blob(parts, { type: "image/png" });
}

function filteredRows(picture: Rgb8): ReadableStream<Uint8Array<ArrayBuffer>> {
  let row = 0;
  return new ReadableStream({
    pull(controller) {
      const end = Math.min(row + ROWS_AT_ONCE, picture.height);
      const stride = 3 * picture.width;
      const out = new Uint8Array((end - row) * (stride + 1));
      for (let at = 0; row < end; row++, at += stride + 1) {
        filterRow(picture.data, row * stride, stride, row > 0, out.subarray(at, at + stride + 1));
      }
      if (out.length > 0) controller.enqueue(out);
      if (row >= picture.height) controller.close();
    },
  });
}

/** What the best of left, above and above left does not foretell: small numbers, packed well. */
function filterRow(
  data: Uint8Array,
  from: number,
  stride: number,
  hasAbove: boolean,
  out: Uint8Array,
): void {
  out[0] = PAETH;
  for (let x = 0; x < stride; x++) {
    const at = from + x;
    const left = x >= 3 ? data[at - 3]! : 0;
    const above = hasAbove ? data[at - stride]! : 0;
    const corner = hasAbove && x >= 3 ? data[at - stride - 3]! : 0;
    const byLeft = Math.abs(above - corner);
    const byAbove = Math.abs(left - corner);
    const byCorner = Math.abs(left + above - 2 * corner);
    const best =
      byLeft <= byAbove && byLeft <= byCorner ? left : byAbove <= byCorner ? above : corner;
    out[x + 1] = data[at]! - best;
  }
}

function chunk(type: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(12 + content.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, content.length);
  out.set(latin1(type), 4);
  out.set(content, 8);
  view.setUint32(8 + content.length, crc32(out.subarray(4, 8 + content.length)));
  return out;
}

/** Characters beyond Latin-1 become "?", as the format has no others in tEXt. */
function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => {
    const code = character.codePointAt(0)!;
    return code < 256 ? code : 0x3f;
  });
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
