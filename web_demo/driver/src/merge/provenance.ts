/** What each frame contributed: its share of the reference, and where all of them did. */
import type { PlaceMap } from "../face.js";
import type { Planes, Rectangle } from "../stages/stages.js";
import type { TrustSink } from "./summing.js";

/** Adds up the trust in other frames over the reference; what lies beyond it does not count. */
export class Provenance implements TrustSink {
  readonly #totals: Float64Array;
  readonly #rows: number;
  readonly #columns: number;
  readonly #sums: Float64Array;

  /**
   * @param size of the reference.
   * @param side of the squares that maps average over.
   */
  constructor(
    readonly size: { readonly height: number; readonly width: number },
    readonly side: number,
    readonly others: number,
  ) {
    this.#totals = new Float64Array(others);
    this.#rows = Math.ceil(size.height / side);
    this.#columns = Math.ceil(size.width / side);
    this.#sums = new Float64Array(this.#rows * this.#columns);
  }

  take(at: number, tile: Rectangle, encoded: Planes): void {
    const bottom = Math.min(tile.top + tile.height, this.size.height);
    const right = Math.min(tile.left + tile.width, this.size.width);
    const first = Math.max(tile.left, 0);
    let total = 0;
    for (let row = Math.max(tile.top, 0); row < bottom; row++) {
      const squares = Math.floor(row / this.side) * this.#columns;
      let from = ((row - tile.top) * encoded.width + first - tile.left + 1) * encoded.channels - 1;
      for (let column = first; column < right; column++, from += encoded.channels) {
        const trust = encoded.data[from];
        total += trust;
        this.#sums[squares + Math.floor(column / this.side)] += trust;
      }
    }
    this.#totals[at] += total;
  }

  /** By contributor, the mean of its trust. */
  shares(): readonly number[] {
    return Array.from(this.#totals, (total) => total / (this.size.height * this.size.width));
  }

  /** Frames' worth of samples, 1 for the reference alone. */
  weightMap(): PlaceMap {
    return this.#map((sum) => 1 + sum);
  }

  /** Mean trust in the others, 0 to 1; 1 where there are none. */
  agreementMap(): PlaceMap {
    const count = this.others;
    return this.#map((sum) => (count > 0 ? Math.min(sum / count, 1) : 1));
  }

  #map(value: (sum: number) => number): PlaceMap {
    const [height, width] = [this.#rows, this.#columns];
    const data = new Float32Array(height * width);
    for (let row = 0, at = 0; row < height; row++) {
      const rows = Math.min(this.side, this.size.height - row * this.side);
      for (let column = 0; column < width; column++, at++) {
        const columns = Math.min(this.side, this.size.width - column * this.side);
        data[at] = value(this.#sums[at] / (rows * columns));
      }
    }
    return { width, height, data };
  }
}
