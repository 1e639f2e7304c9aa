/** Frames along their motions become sums on the finer grid, and these the picture, by rows. */

import type { Planes } from "../stages/stages.js";
import { blended, decoded, type Told } from "./blending.js";
import { isGray, limited } from "./packing.js";
import { cuts, type Merging, REFERENCE_WEIGHT, summed, type TrustSink } from "./summing.js";

/** Takes rows of the picture, from the top: float32 [rows, width, 3], about [0, 1]. */
export type RowSink = (firstRow: number, rows: Planes) => void;

/** Told of each part of the work as it is done. */
export type OnPart = (step: "merge" | "decode", done: number, total: number) => void;

/**
 * Makes the picture, row of tiles by row of tiles; of each, as many rows stay as the next must know.
 *
 * @param onFeatures is given the features of the first piece that is decoded.
 */
export async function merged(
  merging: Merging,
  lensPx: number,
  trust: TrustSink,
  rows: RowSink,
  onPart: OnPart,
  onFeatures?: (features: Planes, height: number, width: number) => void,
): Promise<void> {
  const { stages, reference, noise } = merging;
  const { driver } = stages;
  const halo = stages.table("burst.stages.blend").HALO_PX + driver.networkHaloPx;
  const most = driver.shapes.encode[2] - 2 * stages.table("burst.stages.encode").HALO_PX;
  const { height, width } = reference.frame;
  const channels = 4 * driver.scale ** 2 + 3;
  const wide = width + 2 * halo;
  const data = new Float32Array((most + 2 * halo) * wide * channels);
  const told = { curves: limited(noise, driver.learnedStd), lensPx };
  const isGrayPicture = isGray(reference);
  const bands = cuts(height + 2 * halo, most);
  let kept = 0;
  let made = 0;
  let features = onFeatures;
  for (const [index, band] of bands.entries()) {
    const place = { top: band.start - halo, left: -halo, height: band.length, width: wide };
    const planes = { height: kept + band.length, width: wide, channels, data };
    await summed(merging, place, REFERENCE_WEIGHT, planes, kept, trust);
    onPart("merge", index + 1, bands.length);
    if (planes.height > 2 * halo) {
      const picture = await decodedBand(merging, planes, halo, told, features);
      features = undefined;
      if (isGrayPicture) makeGray(picture.data);
      rows(driver.scale * made, picture);
      made += planes.height - 2 * halo;
      onPart("decode", index + 1, bands.length);
    }
    kept = Math.min(planes.height, 2 * halo);
    const from = (planes.height - kept) * wide * channels;
    data.copyWithin(0, from, planes.height * wide * channels);
  }
}

/** The picture of a band, [s·(h − 2·halo), s·(w − 2·halo), 3]. */
async function decodedBand(
  { stages }: Merging,
  planes: Planes,
  halo: number,
  told: Told,
  onFeatures: ((features: Planes, height: number, width: number) => void) | undefined,
): Promise<Planes> {
  const { scale, networkHaloPx, decodedPx } = stages.driver;
  const margin = scale * networkHaloPx;
  const height = scale * (planes.height - 2 * halo);
  const width = scale * (planes.width - 2 * halo);
  const data = new Float32Array(3 * height * width);
  let isFirst = true;
  for (const row of cuts(planes.height - 2 * halo, decodedPx)) {
    for (const column of cuts(planes.width - 2 * halo, decodedPx)) {
      const part = {
        top: row.start,
        left: column.start,
        height: row.length + 2 * halo,
        width: column.length + 2 * halo,
      };
      const features = await blended(stages, planes, part, told);
      if (isFirst) onFeatures?.(features, part.height - 2, part.width - 2);
      isFirst = false;
      const made = await decoded(stages, features, part.height - 2, part.width - 2);
      for (let y = 0; y < scale * row.length; y++) {
        const from = 3 * ((y + margin) * made.width + margin);
        const to = 3 * ((scale * row.start + y) * width + scale * column.start);
        data.set(made.data.subarray(from, from + 3 * scale * column.length), to);
      }
    }
  }
  return { height, width, channels: 3, data };
}

/** Gray frames make a gray picture: each pixel takes the mean of its colors. */
function makeGray(data: Float32Array): void {
  for (let at = 0; at < data.length; at += 3) {
    data.fill((data[at] + data[at + 1] + data[at + 2]) / 3, at, at + 3);
  }
}
