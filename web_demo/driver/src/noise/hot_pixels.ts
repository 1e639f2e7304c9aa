/** Hot pixels of the sensor: bright at one place in all frames, whatever the scene there. */
import { SIDES } from "../align/motion.js";
import { type Burst, matricesOf } from "../burst.js";
import { CODES, type Frame } from "../frame.js";
import { movedX, movedY } from "../numbers.js";

const fround = Math.fround;

/** Places 3·(row·width + column) + color of pixels that are hot; frames are in one light. */
export async function hotPixels(burst: Burst, noiseStd: number): Promise<readonly number[]> {
  const table = burst.stages.table("burst.frames.hot_pixels");
  const telling = movingFrames(burst, table.MIN_MOTION_PX);
  if (telling.length + 1 < table.MIN_FRAMES) return [];
  const least = fround(Math.max(table.MIN_EXCESS, table.NOISE_FACTOR * noiseStd));
  const found = await brightPlaces(burst, burst.frames[burst.reference], least);
  const most = Math.ceil(table.STEADY_SHARE * telling.length);
  return found.filter((place) => {
    const count = telling.reduce((sum, index) => {
      return sum + Number(excess(burst.frames[index], place) > least);
    }, 0);
    return count >= most;
  });
}

/** A value for each hot pixel of a frame in its own light: the median of its neighbors. */
export function mendedValues(frame: Frame, hot: readonly number[]): ReadonlyMap<number, number> {
  return new Map(
    hot.map((place) => {
      const around = neighbors(frame, place).sort();
      return [place, fround(fround(around[3] + around[4]) / 2)];
    }),
  );
}

/** Frames that move enough in the middle and in all corners. */
function movingFrames(burst: Burst, leastPx: number): readonly number[] {
  const { height, width } = burst.frames[0];
  const places = [...SIDES, [0, 0] as const].map(([x, y]) => [x * width, y * height] as const);
  return [...matricesOf(burst)]
    .filter(([, matrix]) =>
      places.every(([x, y]) => {
        return Math.hypot(movedX(matrix, x, y) - x, movedY(matrix, x, y) - y) >= leastPx;
      }),
    )
    .map(([index]) => index);
}

/** Places of the reference that exceed all their neighbors. */
async function brightPlaces(burst: Burst, frame: Frame, least: number): Promise<readonly number[]> {
  const found: number[] = [];
  const { height, width, rgb } = frame;
  for (let row = 0; row < height; row++) {
    if (row % 64 === 0) await burst.stages.pace.turn();
    const values = frame.values(row).slice();
    for (let at = 3 * row * width; at < 3 * (row + 1) * width; at++) {
      // What is near decides for nearly all pixels.
      const own = values[(at % 3) * CODES + rgb[at]];
      if (own < least) continue;
      const inside = at >= 3 * row * width + 3;
      const before = inside ? values[(at % 3) * CODES + rgb[at - 3]] : 0;
      if (fround(own - before) > least && excess(frame, at) > least) found.push(at);
    }
  }
  return found;
}

/** By how much a sample exceeds the largest of its eight neighbors. */
function excess(frame: Frame, place: number): number {
  const own = valueAt(frame, place);
  return fround(own - neighbors(frame, place).reduce((most, near) => Math.max(most, near), 0));
}

/** The eight neighbors of a sample, mirrored at the edge. */
function neighbors(frame: Frame, place: number): Float32Array {
  const { height, width } = frame;
  const color = place % 3;
  const pixel = (place - color) / 3;
  const [row, column] = [Math.floor(pixel / width), pixel % width];
  const found = new Float32Array(8);
  for (let at = 0; at < 9; at++) {
    if (at === 4) continue;
    const y = mirrored(row + Math.floor(at / 3) - 1, height);
    const x = mirrored(column + (at % 3) - 1, width);
    found[at < 4 ? at : at - 1] = valueAt(frame, 3 * (y * width + x) + color);
  }
  return found;
}

function mirrored(place: number, length: number): number {
  const inside = Math.abs(place);
  return inside < length ? inside : 2 * length - 2 - inside;
}

function valueAt(frame: Frame, place: number): number {
  const row = Math.floor(place / (3 * frame.width));
  return frame.values(row)[(place % 3) * CODES + frame.rgb[place]];
}
