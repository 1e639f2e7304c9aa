/** Tensors and frames drawn by integers alone: any language makes the same, to the bit. */

/** The integer that stands for 1. */
export const ONE = 65536;

/** Noise on a lattice of cells, a power of two wide; values from `low` to under `high`. */
export interface Layer {
  readonly seed: number;
  readonly cell: number;
  readonly low: number;
  readonly high: number;
}

/** A rectangle of one value: rows `top` to `bottom` − 1, columns `left` to `right` − 1. */
export interface Fill {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
  readonly value: number;
}

/** Channels that are drawn alike: layers are added, fills then replace what is there. */
export interface Group {
  readonly channels: number;
  readonly layers: readonly Layer[];
  readonly fills: readonly Fill[];
}

/** The hash of three numbers, 32 bits. */
export function hashed(seed: number, row: number, column: number): number {
  let h = Math.imul(seed, 0x9e3779b1) + Math.imul(row, 0x85ebca77) + Math.imul(column, 0xc2b2ae3d);
  h |= 0;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 15), 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Adds one channel of a layer to integers [height, width]. */
export function addLayer(
  plane: Float64Array,
  layer: Layer,
  channel: number,
  height: number,
  width: number,
): void {
  const { cell, low, high } = layer;
  const nodesAcross = Math.floor(width / cell) + 2;
  const above = new Float64Array(nodesAcross);
  const below = new Float64Array(nodesAcross);
  const drawRow = (nodes: Float64Array, i: number): void => {
    for (let j = 0; j < nodesAcross; j++) nodes[j] = hashed(layer.seed + channel, i, j) >>> 16;
  };
  drawRow(below, 0);
  for (let row = 0; row < height; row++) {
    const y = row % cell;
    if (y === 0) {
      above.set(below);
      drawRow(below, Math.floor(row / cell) + 1);
    }
    for (let column = 0; column < width; column++) {
      const j = Math.floor(column / cell);
      const x = column - j * cell;
      const top = (cell - x) * above[j] + x * above[j + 1];
      const bottom = (cell - x) * below[j] + x * below[j + 1];
      const value = Math.floor(((cell - y) * top + y * bottom) / (cell * cell));
      plane[row * width + column] += low + Math.floor((value * (high - low)) / ONE);
    }
  }
}

/** Integers [height, width] of one channel of a group. */
export function drawChannel(
  group: Group,
  channel: number,
  height: number,
  width: number,
): Float64Array {
  const plane = new Float64Array(height * width);
  for (const layer of group.layers) addLayer(plane, layer, channel, height, width);
  for (const fill of group.fills) {
    for (let row = fill.top; row < fill.bottom; row++) {
      plane.fill(fill.value, row * width + fill.left, row * width + fill.right);
    }
  }
  return plane;
}

/** The k-th place of `count` in a flat tensor of `size` elements is hash(seed, 0, k) mod size. */
export function positions(seed: number, count: number, size: number): readonly number[] {
  return Array.from({ length: count }, (_, k) => hashed(seed, 0, k) % size);
}
