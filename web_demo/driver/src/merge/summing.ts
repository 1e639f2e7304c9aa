/** Sums on the finer grid over rectangles of the reference, tile by tile, frame by frame. */
import type { Noise } from "../face.js";
import { identity, type Matrix } from "../numbers.js";
import type { Light } from "../photometry/light.js";
import type { Planes, Rectangle, Stages } from "../stages/stages.js";
import { packFrame, packNumbers, packReference, type Source } from "./packing.js";

/** Weight of the reference's own samples. */
export const REFERENCE_WEIGHT = 1.5;

/** Frames that are merged, the reference first. */
export interface Merging {
  readonly stages: Stages;
  readonly reference: Source;
  readonly others: readonly Contributor[];
  readonly noise: Noise;
}

export interface Contributor {
  readonly index: number;
  readonly source: Source;
  readonly matrix: Matrix;
  readonly light: Light | undefined;
}

/** Told of the trust in other frames, of each tile: rows and columns of the reference. */
export interface TrustSink {
  /**
   * @param at of the contributor.
   * @param encoded what `encode` gave; its last channel is the trust.
   */
  take(at: number, tile: Rectangle, encoded: Planes): void;
}

/**
 * Planes over a place no higher than a tile: sums 3·s², weights s², reference 3.
 *
 * @param planes where to, from a row on; as wide as the place.
 * @param firstRow of the planes.
 */
export async function summed(
  merging: Merging,
  place: Rectangle,
  referenceWeight: number,
  planes: Planes,
  firstRow: number,
  sink: TrustSink,
): Promise<void> {
  const { stages } = merging;
  const halo = stages.table("burst.stages.encode").HALO_PX;
  const [, channels, tileHeight, tileWidth] = stages.driver.shapes.encode;
  const data = stages.packed("encode");
  const packed = { height: tileHeight, width: tileWidth, channels, data };
  const { height } = merging.reference.frame;
  for (const { start, length } of cuts(place.width, tileWidth - 2 * halo)) {
    const crop = {
      top: place.top - halo,
      left: place.left + start - halo,
      height: place.height + 2 * halo,
      width: length + 2 * halo,
    };
    data.fill(0);
    packReference(packed, merging.reference, crop);
    const inner = {
      ...crop,
      top: place.top,
      left: place.left + start,
      height: place.height,
      width: length,
    };
    putReference(planes, firstRow, start, inner, packed, halo);
    for (let at = -1; at < merging.others.length; at++) {
      const isReference = at < 0;
      const { source, matrix, light } = isReference
        ? { source: merging.reference, matrix: identity(), light: undefined }
        : merging.others[at];
      const weight = isReference ? referenceWeight : 1;
      packFrame(stages, packed, source, matrix, crop, weight);
      const numbers = { light, curves: merging.noise.curves, lensPx: 0 };
      packNumbers(stages, packed, numbers, crop, height);
      const encoded = await stages.run("encode", data);
      addSums(planes, firstRow, start, inner, encoded, isReference);
      if (!isReference) sink.take(at, inner, encoded);
    }
  }
}

/** Starts and lengths of the fewest parts of at most `most`, nearly equal. */
export function cuts(
  length: number,
  most: number,
): readonly { readonly start: number; readonly length: number }[] {
  const count = Math.ceil(length / most);
  return Array.from({ length: count }, (_, part) => {
    const start = Math.floor((length * part) / count);
    return { start, length: Math.floor((length * (part + 1)) / count) - start };
  });
}

/** Puts the reference's pixels into the last three planes. */
function putReference(
  planes: Planes,
  firstRow: number,
  firstColumn: number,
  tile: Rectangle,
  packed: Planes,
  halo: number,
): void {
  for (let row = 0; row < tile.height; row++) {
    let from = ((row + halo) * packed.width + halo) * packed.channels;
    let to = ((firstRow + row) * planes.width + firstColumn + 1) * planes.channels - 3;
    for (let column = 0; column < tile.width; column++) {
      planes.data[to] = packed.data[from];
      planes.data[to + 1] = packed.data[from + 1];
      planes.data[to + 2] = packed.data[from + 2];
      from += packed.channels;
      to += planes.channels;
    }
  }
}

/** Adds sums and weights of a tile, or puts them where they are the first. */
function addSums(
  planes: Planes,
  firstRow: number,
  firstColumn: number,
  tile: Rectangle,
  encoded: Planes,
  isFirst: boolean,
): void {
  const count = encoded.channels - 1;
  const [into, made] = [planes.data, encoded.data];
  for (let row = 0; row < tile.height; row++) {
    let from = row * encoded.width * encoded.channels;
    let to = ((firstRow + row) * planes.width + firstColumn) * planes.channels;
    for (let column = 0; column < tile.width; column++) {
      if (isFirst) for (let k = 0; k < count; k++) into[to + k] = made[from + k];
      else for (let k = 0; k < count; k++) into[to + k] += made[from + k];
      from += encoded.channels;
      to += planes.channels;
    }
  }
}
