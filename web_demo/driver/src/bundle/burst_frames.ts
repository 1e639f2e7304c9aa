/** Bursts drawn by integers: frames that a driver in any language makes again to the bit. */
import type { Rgb8 } from "../face.js";
import type { Fields } from "./fields.js";
import { addLayer, hashed, ONE } from "./generator.js";

/** Finer pixels of a scene per pixel of a frame, in each direction. */
const FINE = 4;
/** Finer pixels of a scene around what a frame at rest shows. */
const MARGIN = 32;
const THINGS = 40;
const MOST_SIDE = 256;
const LEAST_SIDE = 32;
const MOST_FRAMES = 8;
const MOST_HOT = 64;
const MOST_GAIN = 4096;
const MOST_SCENE = 2 ** 30;
const MOST_NOISE = 2 ** 24;

/** One frame: quarter pixels by which the scene lies right and down, and how it is exposed. */
export interface DrawnFrame {
  readonly right: number;
  readonly down: number;
  readonly scene: number;
  readonly gain: number;
  readonly noise: number;
  readonly levels: number;
}

export interface DrawnBurst {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly frames: readonly DrawnFrame[];
  /** Row, column and color of pixels that are white in every frame. */
  readonly hot: readonly (readonly number[])[];
}

export function drawnBurstOf(fields: Fields): DrawnBurst {
  return {
    name: fields.text("name"),
    height: fields.integer("height"),
    width: fields.integer("width"),
    frames: fields.objects("frames", frameOf),
    hot: fields.has("hot") ? fields.rows("hot") : [],
  };
}

function frameOf(fields: Fields): DrawnFrame {
  const or = (key: string, otherwise: number): number =>
    fields.has(key) ? fields.integer(key) : otherwise;
  return {
    right: fields.integer("right"),
    down: fields.integer("down"),
    scene: or("scene", 0),
    gain: or("gain", 256),
    noise: or("noise", 0),
    levels: or("levels", 0),
  };
}

/** Whether a burst is small, moves no further than scenes reach, and stays within integers. */
export function isDrawable(burst: DrawnBurst): boolean {
  const { height, width, frames, hot } = burst;
  const small = Math.min(height, width) >= LEAST_SIDE && Math.max(height, width) <= MOST_SIDE;
  const within = (value: number, most: number): boolean => value >= 0 && value < most;
  const plain = frames.every((each) => {
    const near = Math.max(Math.abs(each.right), Math.abs(each.down)) <= MARGIN;
    const numbers = within(each.scene, MOST_SCENE) && within(each.noise, MOST_NOISE);
    return near && numbers && within(each.gain, MOST_GAIN + 1) && within(each.levels, ONE + 1);
  });
  const inside = hot.every((place) => {
    const [row, column, color] = place;
    const integers = place.length === 3 && place.every(Number.isInteger);
    return integers && within(row, height) && within(column, width) && within(color, 3);
  });
  const few = frames.length > 0 && frames.length <= MOST_FRAMES && hot.length <= MOST_HOT;
  return small && few && plain && inside;
}

/** The frames of a burst. */
export function drawnFrames(burst: DrawnBurst): readonly Rgb8[] {
  const scenes = new Map<number, readonly Float64Array[]>();
  return burst.frames.map((frame) => {
    const scene = scenes.get(frame.scene) ?? drawnScene(burst, frame.scene);
    scenes.set(frame.scene, scene);
    const data = new Uint8Array(3 * burst.height * burst.width);
    for (let color = 0; color < 3; color++) drawColor(data, burst, frame, scene[color], color);
    for (const [row, column, color] of burst.hot) {
      data[3 * (row * burst.width + column) + color] = 255;
    }
    return { width: burst.width, height: burst.height, data };
  });
}

function drawColor(
  data: Uint8Array,
  { height, width }: DrawnBurst,
  frame: DrawnFrame,
  scene: Float64Array,
  color: number,
): void {
  const stride = FINE * width + 2 * MARGIN;
  const reach = Math.floor((frame.levels * ONE) / (255 * 256));
  const grain = new Float64Array(height * width);
  const layer = { seed: 1000 + 3 * frame.noise, cell: 1, low: -reach, high: reach };
  addLayer(grain, layer, color, height, width);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      const first =
        (MARGIN - frame.down + FINE * row) * stride + MARGIN - frame.right + FINE * column;
      let sum = 0;
      for (let y = 0; y < FINE; y++) {
        for (let x = 0; x < FINE; x++) sum += scene[first + y * stride + x];
      }
      const lit = Math.floor((Math.floor(sum / FINE ** 2) * frame.gain) / 256);
      const value = Math.floor(((lit + grain[at]) * 255 + ONE / 2) / ONE);
      data[3 * at + color] = Math.min(Math.max(value, 0), 255);
    }
  }
}

/** Red, green and blue at finer pixels: the ground, and things over it. */
function drawnScene({ height, width }: DrawnBurst, scene: number): readonly Float64Array[] {
  const [rows, columns] = [FINE * height + 2 * MARGIN, FINE * width + 2 * MARGIN];
  return [0, 1, 2].map((color) => {
    const plane = new Float64Array(rows * columns);
    const ground = { seed: 1 + scene, cell: 64, low: ONE / 8, high: (7 * ONE) / 8 };
    addLayer(plane, ground, color, rows, columns);
    for (let thing = 0; thing < THINGS; thing++) {
      const h = (k: number): number => hashed(scene, thing, k);
      const [top, left] = [h(0) % rows, h(1) % columns];
      const bottom = Math.min(top + 16 + (h(2) % 96), rows);
      const right = Math.min(left + 16 + (h(3) % 128), columns);
      for (let row = top; row < bottom; row++) {
        plane.fill(h(4 + color) % ONE, row * columns + left, row * columns + right);
      }
    }
    return plane;
  });
}
