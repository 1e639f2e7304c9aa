import { crc32, inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { encodePng } from "../../src/pictures/png";

interface Chunk {
  readonly type: string;
  readonly content: Buffer;
}

function chunksOf(file: Buffer): readonly Chunk[] {
  expect(file.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
  const chunks: Chunk[] = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const body = file.subarray(at + 4, at + 8 + length);
    expect(file.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks.push({ type: body.subarray(0, 4).toString("latin1"), content: body.subarray(4) });
    at += 12 + length;
  }
  return chunks;
}

/** Undo the filter "Paeth" as the standard has it. */
function unfiltered(rows: Buffer, width: number, height: number): Uint8Array {
  const stride = 3 * width;
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    expect(rows[y * (stride + 1)]).toBe(4);
    for (let x = 0; x < stride; x++) {
      const a = x >= 3 ? out[y * stride + x - 3]! : 0;
      const b = y > 0 ? out[(y - 1) * stride + x]! : 0;
      const c = x >= 3 && y > 0 ? out[(y - 1) * stride + x - 3]! : 0;
      const p = a + b - c;
      const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
      const best = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      out[y * stride + x] = rows[y * (stride + 1) + 1 + x]! + best;
    }
  }
  return out;
}

it.each([
  [1, 1],
  [7, 5],
  [33, 200],
])("writes %i×%i px so that every byte comes back", async (width, height) => {
  const noise = (_: unknown, at: number): number => Math.imul(at + 1, 0x9e3779b1) >>> 24;
  const data = Uint8Array.from({ length: 3 * width * height }, noise);
  const file = Buffer.from(await (await encodePng({ width, height, data }, {})).arrayBuffer());
  const chunks = chunksOf(file);
  const header = chunks[0]!;
  expect([header.type, header.content.readUInt32BE(0), header.content.readUInt32BE(4)]).toEqual([
    "IHDR",
    width,
    height,
  ]);
  expect([...header.content.subarray(8)]).toEqual([8, 2, 0, 0, 0]);
  expect(chunks.at(-1)!.type).toBe("IEND");
  const packed = Buffer.concat(
    chunks.filter(({ type }) => type === "IDAT").map(({ content }) => content),
  );
  expect(unfiltered(inflateSync(packed), width, height)).toEqual(data);
});

it("carries texts before the pixels, in Latin-1", async () => {
  const picture = { width: 1, height: 1, data: new Uint8Array(3) };
  const file = Buffer.from(
    await (await encodePng(picture, { Software: "edge-sdk ×2 → here", Model: "m" })).arrayBuffer(),
  );
  const chunks = chunksOf(file);
  const texts = chunks
    .filter(({ type }) => type === "tEXt")
    .map(({ content }) => content.toString("latin1"));
  expect(texts).toEqual(["Software\0edge-sdk ×2 ? here", "Model\0m"]);
  const types = chunks.map(({ type }) => type);
  expect(types.lastIndexOf("tEXt")).toBeLessThan(types.indexOf("IDAT"));
});
