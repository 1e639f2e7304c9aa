/** Pictures for tests, as files. */
import { encodePng } from "../src/pictures/png";

/** A file as Playwright gives it to a page. */
export interface GivenFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** A PNG of smooth waves, moved by `shift` pixels; enough texture to align. */
export async function waves(
  name: string,
  width: number,
  height: number,
  shift = 0,
): Promise<GivenFile> {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = Math.sin((x + shift) / 3) * Math.cos(y / 4) + Math.sin((x + shift + y) / 11);
      for (let color = 0; color < 3; color++, at++) data[at] = 128 + 45 * value + 8 * color;
    }
  }
  const png = await encodePng({ width, height, data }, {});
  return { name, mimeType: "image/png", buffer: Buffer.from(await png.arrayBuffer()) };
}

/** A burst of such, of one size. */
export function wavesBurst(frames: number, width = 96, height = 64): Promise<readonly GivenFile[]> {
  return Promise.all(
    Array.from({ length: frames }, (_, index) =>
      waves(`wave-${index + 1}.png`, width, height, index * 0.4),
    ),
  );
}

/** A file whose header says that it is huge; nothing of it is ever decoded. */
export function hugePng(name: string, width: number, height: number): GivenFile {
  const buffer = Buffer.alloc(4096);
  buffer.write("\x89PNG\r\n\x1a\n", "latin1");
  buffer.writeUInt32BE(13, 8);
  buffer.write("IHDR", 12, "latin1");
  buffer.writeUInt32BE(width, 16);
  buffer.writeUInt32BE(height, 20);
  return { name, mimeType: "image/png", buffer };
}

/** A PDF that goes by another name. */
export function pdf(name: string): GivenFile {
  return {
    name,
    mimeType: "image/jpeg",
    buffer: Buffer.from("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "latin1"),
  };
}
