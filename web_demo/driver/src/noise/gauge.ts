/** Noise of a burst: curves through tiles, by color and level. */
import type { Burst } from "../burst.js";
import type { Noise } from "../face.js";
import { lowerMedian, solved } from "../numbers.js";
import type { Stages } from "../stages/stages.js";
import { measuredTiles, type Tile } from "./tiles.js";

const KEPT = 5;

/** Noise of one σ in all colors and at all levels. */
export function white(stages: Stages, std: number): Noise {
  const levels = stages.driver.list("burst.stages.noise_map.LEVELS").length;
  return { std, curves: new Float64Array(3 * levels * 2).fill(std) };
}

/**
 * Noise between frames in one light; where too little can be compared, that of the reference alone.
 *
 * @param alone that of the reference, for R, G and B.
 */
export async function measuredNoise(burst: Burst, alone: number): Promise<Noise> {
  const { stages } = burst;
  const table = stages.table("burst.noise.tiles");
  const used = (await measuredTiles(burst)).filter(({ level, moments }) => {
    const known = !moments.some(Number.isNaN);
    const differs = [0, 1, 2].some((color) => moments[color * KEPT] > table.SAME);
    const plain = Math.min(...level) > table.DARKEST && Math.max(...level) < table.BRIGHTEST;
    return known && differs && plain;
  });
  const enough = used.length >= stages.table("burst.noise.gauge").LEAST_TILES;
  return enough ? byColor(stages, used, alone) : white(stages, alone);
}

function byColor(stages: Stages, tiles: readonly Tile[], alone: number): Noise {
  const table = stages.table("burst.noise.gauge");
  const levels = stages.driver.list("burst.stages.noise_map.LEVELS");
  const biases = stages.driver.list("burst.noise.gauge.QUIET_BIAS");
  const shares = stages.driver.list("burst.stages.noise_map.LUMA_SHARES");
  const count = levels.length;
  const curves = new Float64Array(3 * count * 2);
  let variance = 0;
  for (let color = 0; color < 3; color++) {
    const hats = tiles.map((tile) => hatsOf(tile.level[color], levels));
    const calm = calmTiles(tiles, hats, color, count, table.CALM_SHARE);
    const [fine, coarse] = [0, 1].map((kind) => {
      const samples = calm.map((at) => ({
        value: tiles[at].moments[color * KEPT + kind],
        hats: hats[at],
        texture: [2, 3].map((part) => Math.max(tiles[at].moments[color * KEPT + part], 0)),
      }));
      return curveOf(stages, samples, count).map((power) => Math.sqrt(power) / biases[kind]);
    });
    for (let knot = 0; knot < count; knot++) {
      const most = alone > 0 ? table.MAX_SMOOTHING * alone : Number.POSITIVE_INFINITY;
      const s = Math.min(fine[knot], most);
      const to = (color * count + knot) * 2;
      curves[to] = Math.min(s, table.MAX_STD);
      // Nine pixels that all go along have thrice the noise of nine that do not.
      curves[to + 1] = Math.min(coarse[knot], 3 * s, table.MAX_STD);
    }
    let squares = 0;
    for (const hat of hats) {
      let std = 0;
      for (let knot = 0; knot < count; knot++)
        std += hat[knot] * curves[(color * count + knot) * 2 + 1];
      squares += std ** 2;
    }
    variance += (shares[color] * squares) / hats.length;
  }
  return { std: Math.sqrt(variance), curves };
}

/** Weights of linear interpolation between levels. */
function hatsOf(level: number, levels: readonly number[]): Float64Array {
  const hats = new Float64Array(levels.length);
  const last = levels.length - 1;
  if (level <= levels[0]) hats[0] = 1;
  else if (level >= levels[last]) hats[last] = 1;
  else {
    const above = levels.findIndex((knot) => knot > level);
    const share = (level - levels[above - 1]) / (levels[above] - levels[above - 1]);
    hats[above - 1] = 1 - share;
    hats[above] = share;
  }
  return hats;
}

/** By level, the tiles of least slope among those at whose level its hat is the largest. */
function calmTiles(
  tiles: readonly Tile[],
  hats: readonly Float64Array[],
  color: number,
  count: number,
  share: number,
): readonly number[] {
  const calm: number[] = [];
  for (let knot = 0; knot < count; knot++) {
    const near = tiles.map((_, at) => at).filter((at) => largest(hats[at]) === knot);
    const slope = (at: number): number => tiles[at].moments[color * KEPT + 4];
    near.sort((one, other) => slope(one) - slope(other));
    calm.push(...near.slice(0, Math.ceil(share * near.length)));
  }
  return calm;
}

function largest(values: Float64Array): number {
  return values.reduce((best, value, at) => (value > values[best] ? at : best), 0);
}

interface Sample {
  readonly value: number;
  readonly hats: Float64Array;
  readonly texture: readonly number[];
}

/** Points of a curve of variance: a quantile of the tiles, by its own loss. */
function curveOf(stages: Stages, samples: readonly Sample[], count: number): Float64Array {
  const table = stages.table("burst.noise.gauge");
  const size = count + 2;
  const means = [0, 1].map((part) => {
    const sum = samples.reduce((total, sample) => total + sample.texture[part], 0);
    return Math.max(sum / samples.length, 1e-12);
  });
  const basis = samples.map(({ hats, texture }) => {
    return Float64Array.of(...hats, texture[0] / means[0], texture[1] / means[1]);
  });
  const used = new Array<boolean>(size).fill(true);
  let found = new Float64Array(size);
  found.fill(lowerMedian(samples.map((sample) => sample.value)), 0, count);
  for (let turn = 0; turn < table.ITERATIONS; turn++) {
    const { normal, right } = equations(table, samples, basis, found, count);
    found = solvedFor(normal, right, used);
    // Texture that makes a tile quieter is chance.
    for (let at = count; at < size; at++) used[at] &&= found[at] >= 0;
    for (let at = 0; at < size; at++) found[at] = Math.max(found[at], 0);
  }
  return found.subarray(0, count);
}

function equations(
  table: {
    readonly QUIET_SHARE: number;
    readonly LEAST_DEVIATION: number;
    readonly TIE: number;
    readonly EVEN_TEXTURE: number;
  },
  samples: readonly Sample[],
  basis: readonly Float64Array[],
  found: Float64Array,
  count: number,
): { readonly normal: Float64Array; readonly right: Float64Array } {
  const size = count + 2;
  const normal = new Float64Array(size * size);
  const right = new Float64Array(size);
  const deviations = new Float64Array(samples.length);
  let weights = 0;
  for (const [at, { value }] of samples.entries()) {
    const row = basis[at];
    let fit = 0;
    for (let k = 0; k < size; k++) fit += row[k] * found[k];
    const expected = Math.max(fit, 1e-12);
    const beyond = (value - fit) / expected;
    deviations[at] = Math.max(Math.abs(beyond), table.LEAST_DEVIATION);
    const side = beyond > 0 ? table.QUIET_SHARE : 1 - table.QUIET_SHARE;
    const weight = (2 * side) / (deviations[at] * expected ** 2);
    weights += weight;
    for (let i = 0; i < size; i++) {
      right[i] += row[i] * weight * value;
      for (let j = 0; j < size; j++) normal[i * size + j] += row[i] * weight * row[j];
    }
  }
  const typical = lowerMedian(deviations);
  for (let knot = 0; knot + 1 < count; knot++) {
    const points = Math.max(found[knot], 1e-12) * Math.max(found[knot + 1], 1e-12);
    const tie = table.TIE / (typical * points);
    normal[knot * size + knot] += tie;
    normal[(knot + 1) * size + knot + 1] += tie;
    normal[knot * size + knot + 1] -= tie;
    normal[(knot + 1) * size + knot] -= tie;
  }
  // Texture that is everywhere the same cannot be told from noise, and is then no texture.
  for (let k = count; k < size; k++) normal[k * (size + 1)] += table.EVEN_TEXTURE * weights;
  let most = 0;
  for (let k = 0; k < size; k++) most = Math.max(most, normal[k * (size + 1)]);
  for (let k = 0; k < size; k++) {
    normal[k * (size + 1)] += 1e-9 * Math.max(normal[k * (size + 1)], 1e-6 * most);
  }
  return { normal, right };
}

/** Solves for the unknowns that are used; the others are 0. */
function solvedFor(
  normal: Float64Array,
  right: Float64Array,
  used: readonly boolean[],
): Float64Array<ArrayBuffer> {
  const size = right.length;
  const kept = used.flatMap((isUsed, at) => (isUsed ? [at] : []));
  const part = Float64Array.from(
    kept.flatMap((row) => kept.map((column) => normal[row * size + column])),
  );
  const known = solved(
    part,
    Float64Array.from(kept, (at) => right[at]),
    kept.length,
  );
  const found = new Float64Array(size);
  for (const [at, to] of kept.entries()) found[to] = known[at];
  return found;
}
