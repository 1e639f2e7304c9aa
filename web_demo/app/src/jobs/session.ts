/** One burst from its files to the picture: what is done when, and what ends it. */
import type { Rgb8, Zoomed } from "@edge-sdk/burst-driver";
import { Complaint, isCancelled, lineOf, PictureComplaint } from "../pictures/complaint";
import { checked, type Intake, limitsOf, type Picture } from "../pictures/intake";
import type { Remote } from "./calls";
import type { Entry } from "./catalog";
import { Engine } from "./engine";
import { recalled, remember, testKey } from "./memory";
import type { PixelWork } from "./pixels.worker";
import { type Choice, chosenOf, keyOf, labelOf, reasonOf, type Tested, type Way } from "./ways";

/** A finished picture. */
export interface Outcome {
  readonly intake: Intake;
  readonly entry: Entry;
  readonly way: Way;
  readonly before: ImageBitmap;
  readonly after: ImageBitmap;
  readonly width: number;
  readonly height: number;
  /** 0-based; the picture that the result lies on. */
  readonly reference: number;
  /** Of a burst. */
  readonly zoomed?: Omit<Zoomed, "picture">;
  readonly seconds: number;
}

/** Who is told. */
export interface Watcher {
  onProgress(step: string, done: number, total: number): void;
  onStatus(line: string): void;
  onTests(tested: readonly Tested[]): void;
  onChoice(choice: Choice): void;
}

export class Session {
  private readonly pixels: Remote<PixelWork>;
  private readonly watcher: Watcher;
  private readonly engine = new Engine();
  private running: AbortController | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(pixels: Remote<PixelWork>, watcher: Watcher) {
    this.pixels = pixels;
    this.watcher = watcher;
  }

  /** Settles when nothing runs any more. */
  get idle(): Promise<unknown> {
    return this.last;
  }

  get isWorking(): boolean {
    return this.running !== undefined;
  }

  /** Check pictures by their headers for a model. @throws Complaint */
  check(pictures: readonly Picture[], entry: Entry): Promise<Intake> {
    const { deviceMemory } = navigator as { deviceMemory?: number };
    return checked(pictures, entry, limitsOf(deviceMemory));
  }

  /** Compute. @param asked the way to do it; without, the fastest that passes its self-test. */
  async run(
    intake: Intake,
    entry: Entry,
    ways: readonly Way[],
    asked: Way | undefined,
  ): Promise<Outcome> {
    return this.alone(async (signal) => {
      this.watcher.onStatus("Loading the model");
      const way = await this.chosen(entry, asked ? [asked] : ways, signal);
      const begun = performance.now();
      const frames = await this.decoded(intake, signal);
      const { picture, zoomed } = await this.computed(entry, way, frames, signal);
      const reference = zoomed?.reference ?? 0;
      const { width, height } = picture;
      const shown = intake.pictures[reference] ?? intake.pictures[0]!;
      const { before, after } = await this.pixels.finish(picture, shown.file, shown.name);
      const seconds = (performance.now() - begun) / 1000;
      const outcome = { intake, entry, way, before, after, width, height, reference, seconds };
      return zoomed ? { ...outcome, zoomed } : outcome;
    });
  }

  /** Run self-tests anew. */
  async test(entry: Entry, ways: readonly Way[]): Promise<Choice | undefined> {
    return this.alone(async (signal) => {
      return chosenOf(await this.tested(entry, ways, signal));
    });
  }

  /** End what runs; whoever waits for it gets an AbortError. */
  cancel(): void {
    this.running?.abort();
  }

  private async alone<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    if (this.running) throw new Complaint("another picture is in work; wait for it or cancel it");
    const running = new AbortController();
    this.running = running;
    const result = work(running.signal).finally(() => {
      this.running = undefined;
    });
    this.last = result.catch(() => undefined);
    return result;
  }

  private async chosen(entry: Entry, ways: readonly Way[], signal: AbortSignal): Promise<Way> {
    const known = recalled(testKey(entry.sha256));
    const isKnown = ways.every((way) => known.some((each) => keyOf(each) === keyOf(way)));
    const all = isKnown ? known : await this.tested(entry, ways, signal);
    this.watcher.onTests(all);
    const asked = all.filter((each) => ways.some((way) => keyOf(way) === keyOf(each)));
    const choice = chosenOf(asked);
    if (!choice) {
      const [only] = asked;
      throw new Complaint(
        ways.length === 1 && only
          ? `${labelOf(only)} does not do here (${reasonOf(only)}); choose another processor`
          : "no processor of this device passes the self-test of this model; its table says how they fail",
      );
    }
    this.watcher.onChoice(choice);
    return choice.way;
  }

  private async tested(
    entry: Entry,
    ways: readonly Way[],
    signal: AbortSignal,
  ): Promise<readonly Tested[]> {
    const key = testKey(entry.sha256);
    let all: readonly Tested[] = recalled(key);
    for (const [index, way] of ways.entries()) {
      this.watcher.onStatus(`Testing ${labelOf(way)}, ${index + 1} of ${ways.length}`);
      const tested = await this.engine.test(entry, way, signal);
      signal.throwIfAborted();
      all = [...all.filter((each) => keyOf(each) !== keyOf(way)), tested];
      this.watcher.onTests(all);
    }
    remember(key, all);
    return all;
  }

  private async decoded({ pictures }: Intake, signal: AbortSignal): Promise<readonly Rgb8[]> {
    const frames: Rgb8[] = [];
    for (const { file, name } of pictures) {
      this.watcher.onProgress("decode files", frames.length, pictures.length);
      const frame = await this.pixels.decode(file, name).catch((error: unknown) => {
        throw isCancelled(error) ? error : new PictureComplaint(lineOf(error));
      });
      signal.throwIfAborted();
      const [first = frame] = frames;
      if (frame.width !== first.width || frame.height !== first.height) {
        throw new PictureComplaint(
          `${name} is turned otherwise than the first frame; give frames taken one way up`,
        );
      }
      frames.push(frame);
    }
    this.watcher.onProgress("decode files", frames.length, pictures.length);
    return frames;
  }

  private async computed(
    entry: Entry,
    way: Way,
    frames: readonly Rgb8[],
    signal: AbortSignal,
  ): Promise<{ picture: Rgb8; zoomed?: Omit<Zoomed, "picture"> }> {
    const options = {
      signal,
      onProgress: ({ step, done, total }: { step: string; done: number; total: number }) =>
        this.watcher.onProgress(step, done, total),
    };
    if (entry.kind === "single")
      return { picture: await this.engine.enhance(entry, way, frames[0]!, options) };
    const { picture, ...zoomed } = await this.engine.zoom(entry, way, frames, options);
    return { picture, zoomed };
  }
}
