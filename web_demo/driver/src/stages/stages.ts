/** The stages behind pictures of any size: files of a fixed size cover them tile by tile. */
import type { Module, Table } from "../bundle/constants.js";
import type { Driver, Stage } from "../bundle/stage_record.js";
import type { StageRunner } from "../face.js";
import type { Plane } from "../frame.js";
import type { Pace } from "../pace.js";

/** A rectangle of a picture, which may reach beyond it. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Channels-last floats [height, width, channels]. */
export interface Planes {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float32Array;
}

type Tiled = "smooth" | "halve" | "surround" | "expand" | "score";

export class Stages {
  readonly #packed = new Map<Stage, Float32Array>();

  constructor(
    readonly driver: Driver,
    readonly runner: StageRunner,
    readonly pace: Pace,
  ) {}

  table<M extends Module>(module: M): Table<M> {
    return this.driver.table(module);
  }

  /** Margin that a stage on pictures consumes, in pixels of its input. */
  haloPx(stage: Tiled): number {
    const levels = this.table("registration.stages.levels");
    switch (stage) {
      case "smooth":
        return levels.SMOOTH_HALO_PX;
      case "halve":
        return levels.HALVE_HALO_PX;
      case "surround":
        return levels.SURROUND_HALO_PX;
      case "expand":
        return this.table("registration.stages.expand").HALO_PX;
      case "score":
        return this.table("burst.stages.score").HALO_PX;
    }
  }

  /** `smooth`, `surround` or `halve` a picture; the latter drops odd rests. */
  async whole(stage: "smooth" | "surround" | "halve", picture: Plane): Promise<Plane> {
    const shrink = stage === "halve" ? 2 : 1;
    const halo = this.haloPx(stage);
    const height = picture.height - (picture.height % shrink);
    const width = picture.width - (picture.width % shrink);
    const even = { height, width, data: picture.data, stride: picture.width };
    const around = {
      top: -halo,
      left: -halo,
      height: height + 2 * halo,
      width: width + 2 * halo,
    };
    return this.tiled(stage, even, around, shrink);
  }

  /**
   * Covers a part of a picture, margin included, with tiles of a stage.
   *
   * @param source rows of which may lie `stride` apart; its nearest pixel continues it.
   * @param part what of it is taken.
   * @param shrink pixels of the input per pixel of the result, in each direction.
   */
  async tiled(
    stage: Tiled,
    source: Plane & { readonly stride?: number },
    part: Rectangle,
    shrink = 1,
  ): Promise<Planes> {
    const [, channels, tileHeight, tileWidth] = this.driver.shapes[stage];
    const margin = 2 * this.haloPx(stage);
    const height = Math.ceil((part.height - margin) / shrink);
    const width = Math.ceil((part.width - margin) / shrink);
    const packed = this.packed(stage);
    let made: Float32Array | undefined;
    let depth = 1;
    for (let top = 0; top < part.height - margin; top += tileHeight - margin) {
      for (let left = 0; left < part.width - margin; left += tileWidth - margin) {
        const rows = Math.min(tileHeight, part.height - top);
        const columns = Math.min(tileWidth, part.width - left);
        if (rows < tileHeight || columns < tileWidth) packed.fill(0);
        const first = { top: part.top + top, left: part.left + left, height: rows, width: columns };
        fillTile(packed, channels, tileWidth, source, first);
        const tile = await this.run(stage, packed);
        depth = tile.channels;
        made ??= new Float32Array(height * width * depth);
        const [down, across] = [top / shrink, left / shrink];
        const kept = Math.ceil((columns - margin) / shrink) * depth;
        for (let row = 0; row < Math.ceil((rows - margin) / shrink); row++) {
          const from = row * tile.width * depth;
          const to = ((down + row) * width + across) * depth;
          made.set(tile.data.subarray(from, from + kept), to);
        }
      }
    }
    return { height, width, channels: depth, data: made ?? new Float32Array(0) };
  }

  /** Input of a stage, channels last; the same memory each time, with what was last in it. */
  packed(stage: Stage): Float32Array {
    const [, channels, height, width] = this.driver.shapes[stage];
    const made = this.#packed.get(stage) ?? new Float32Array(channels * height * width);
    this.#packed.set(stage, made);
    return made;
  }

  /** What a stage makes of its whole input; overwritten when it runs again. */
  async run(stage: Stage, packed: Float32Array): Promise<Planes> {
    await this.pace.turn();
    const [, channels, height, width] = this.driver.shapes[stage];
    const given = { shape: [1, height, width, channels], data: packed };
    const [made] = await this.runner.run(stage, [given]);
    const [, rows, columns, depth] = made.shape;
    return { height: rows, width: columns, channels: depth, data: made.data };
  }
}

/** A tile of one channel, and of a second one for `score`: its mask, 1 inside the picture. */
function fillTile(
  packed: Float32Array,
  channels: number,
  tileWidth: number,
  source: Plane & { readonly stride?: number },
  part: Rectangle,
): void {
  const { data, height, width } = source;
  const stride = source.stride ?? width;
  for (let y = 0; y < part.height; y++) {
    const row = part.top + y;
    const from = Math.min(Math.max(row, 0), height - 1) * stride;
    let to = y * tileWidth * channels;
    if (channels === 1) {
      // Most of a row lies on the picture.
      const before = Math.min(Math.max(-part.left, 0), part.width);
      const after = Math.min(Math.max(part.left + part.width - width, 0), part.width);
      packed.fill(data[from], to, to + before);
      const first = from + part.left + before;
      packed.set(data.subarray(first, from + part.left + part.width - after), to + before);
      packed.fill(data[from + width - 1], to + part.width - after, to + part.width);
      continue;
    }
    const shown = row >= 1 && row < height - 1;
    for (let x = 0; x < part.width; x++, to += 2) {
      const column = part.left + x;
      packed[to] = data[from + Math.min(Math.max(column, 0), width - 1)];
      packed[to + 1] = shown && column >= 1 && column < width - 1 ? 1 : 0;
    }
  }
}
