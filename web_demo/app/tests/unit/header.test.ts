import { describe, expect, it } from "vitest";
import { readHeader } from "../../src/pictures/header";
import { hugePng, pdf, waves } from "../pictures";

const blob = (...parts: (string | number[])[]): Blob =>
  new Blob(
    parts.map((part) =>
      typeof part === "string"
        ? Uint8Array.from(part, (c) => c.charCodeAt(0))
        : Uint8Array.from(part),
    ),
  );

const two = (value: number): number[] => [value >> 8, value & 255];
const four = (value: number): number[] => [...two(value >>> 16), ...two(value & 0xffff)];

/** A JPEG up to its frame header, after segments of other kinds. */
function jpeg(width: number, height: number, before: number[][] = [], frame = 0xc0): Blob {
  return blob([0xff, 0xd8], ...before, [
    0xff,
    frame,
    ...two(17),
    8,
    ...two(height),
    ...two(width),
    3,
    1,
    0x22,
    0,
    2,
    0x11,
    1,
  ]);
}

describe("headers", () => {
  it("has the size of what the page itself writes", async () => {
    const { buffer } = await waves("a.png", 37, 21);
    expect(await readHeader(new Blob([new Uint8Array(buffer)]), "a.png")).toEqual({
      format: "PNG",
      width: 37,
      height: 21,
    });
  });

  it.each([0xc0, 0xc1, 0xc2])("finds the frame header %i of a JPEG", async (frame) => {
    expect(await readHeader(jpeg(4000, 3000, [], frame), "a.jpg")).toEqual({
      format: "JPEG",
      width: 4000,
      height: 3000,
    });
  });

  it("jumps over EXIF with a preview in it, tables and fill bytes", async () => {
    const exif = [0xff, 0xe1, ...two(65000), ...jpegPreview(64998)];
    const tables = [0xff, 0xc4, ...two(4), 0, 0];
    const found = await readHeader(
      jpeg(640, 480, [exif, exif, [0xff, 0xff], tables.slice(1)]),
      "a.jpg",
    );
    expect(found).toEqual({ format: "JPEG", width: 640, height: 480 });
  });

  it("reads the three kinds of WebP", async () => {
    const riff = (...chunk: (string | number[])[]): Blob =>
      blob("RIFF", [30, 0, 0, 0], "WEBP", ...chunk, new Array<number>(20).fill(0));
    const lossy = riff("VP8 ", [10, 0, 0, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
    expect(await readHeader(lossy, "a.webp")).toMatchObject({ width: 320, height: 240 });
    const bits = 319 | (239 << 14);
    const lossless = riff("VP8L", [
      10,
      0,
      0,
      0,
      0x2f,
      bits & 255,
      (bits >> 8) & 255,
      (bits >> 16) & 255,
      bits >>> 24,
    ]);
    expect(await readHeader(lossless, "a.webp")).toMatchObject({ width: 320, height: 240 });
    const extended = riff("VP8X", [10, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0x01, 0, 0xef, 0, 0]);
    expect(await readHeader(extended, "a.webp")).toMatchObject({ width: 320, height: 240 });
  });

  it("takes the largest item of HEIC and AVIF, which is the picture and not its tile", async () => {
    const ispe = (width: number, height: number): number[] => [
      ...four(20),
      0x69,
      0x73,
      0x70,
      0x65,
      ...four(0),
      ...four(width),
      ...four(height),
    ];
    const file = (brand: string): Blob =>
      blob(
        four(24),
        "ftyp",
        brand,
        four(0),
        "mif1",
        brand,
        ispe(512, 512),
        ispe(4032, 3024),
        new Array<number>(16).fill(0),
      );
    expect(await readHeader(file("heic"), "a.heic")).toEqual({
      format: "HEIC",
      width: 4032,
      height: 3024,
    });
    expect(await readHeader(file("avif"), "a.avif")).toEqual({
      format: "AVIF",
      width: 4032,
      height: 3024,
    });
  });

  it("names what is no picture", async () => {
    const buffer = pdf("photo.jpg").buffer;
    await expect(readHeader(new Blob([new Uint8Array(buffer)]), "photo.jpg")).rejects.toThrow(
      "photo.jpg: is a PDF; give JPEG, PNG, WebP or HEIC pictures",
    );
    await expect(readHeader(blob("GIF89a", [1, 0]), "a.png")).rejects.toThrow("is a GIF");
    await expect(readHeader(blob(four(24), "ftyp", "isom", four(0)), "a.heic")).rejects.toThrow(
      "is a video",
    );
    await expect(readHeader(new Blob([]), "a.png")).rejects.toThrow("a.png: is empty");
  });

  it("refuses every beginning of a picture that ends before its size", async () => {
    const whole = new Uint8Array(await jpeg(64, 48, [[0xff, 0xe0, ...two(4), 1, 2]]).arrayBuffer());
    for (let length = 3; length < 17; length++) {
      await expect(readHeader(new Blob([whole.subarray(0, length)]), "cut.jpg")).rejects.toThrow(
        "is damaged or cut off; give a whole copy",
      );
    }
    const png = hugePng("a.png", 9, 9).buffer;
    await expect(
      readHeader(new Blob([new Uint8Array(png.subarray(0, 20))]), "cut.png"),
    ).rejects.toThrow("is damaged or cut off; give a whole copy");
    await expect(
      readHeader(new Blob([new Uint8Array(hugePng("a.png", 0, 9).buffer)]), "no.png"),
    ).rejects.toThrow("damaged");
  });
});

/** Bytes that look like a small JPEG of their own. */
function jpegPreview(length: number): number[] {
  const own = [0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 120, 0, 160];
  return [...own, ...new Array<number>(length - own.length).fill(0)];
}
