/** What tests ask a page to do, by the package as it ships and its worker. */
import {
  type Backend,
  BurstWorker,
  type Precision,
  type Progress,
  Refusal,
  type Rgb8,
  type SelfTest,
} from "@edge-sdk/burst-driver";

/** How near a picture is to another. */
export interface Nearness {
  readonly decibels: number;
  /** Largest difference of a sample, in 8-bit levels. */
  readonly most: number;
}

export interface ZoomTest extends Nearness {
  readonly reference: number;
  readonly used: readonly number[];
  readonly shifts: readonly (readonly number[])[];
  readonly reasons: readonly string[];
  readonly dispatches: number;
  readonly seconds: Readonly<Record<string, number>>;
  readonly wallSeconds: number;
  readonly steps: readonly string[];
  readonly map: readonly number[];
}

export interface Asked {
  readonly bundle: string;
  readonly backend: Backend;
  readonly precision: Precision;
  readonly threads?: number;
}

let worker: BurstWorker | undefined;

async function bytes(name: string): Promise<Uint8Array> {
  const response = await fetch(`/made/${name}`);
  if (!response.ok) throw new Error(`/made/${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function opened(asked: Asked): Promise<BurstWorker> {
  worker ??= new BurstWorker();
  await worker.open(await bytes(`${asked.bundle}.zip`));
  const wasmUrl = new URL("/wasm/", location.href).href;
  await worker.use({ ...asked, wasmUrl });
  return worker;
}

function nearness(found: Uint8Array, expected: Uint8Array): Nearness {
  let [most, error, signal] = [0, 0, 0];
  if (found.length !== expected.length) return { decibels: Number.NEGATIVE_INFINITY, most: 255 };
  for (let at = 0; at < found.length; at++) {
    const apart = Math.abs(found[at] - expected[at]);
    most = Math.max(most, apart);
    error += apart ** 2;
    signal += expected[at] ** 2;
  }
  return { decibels: Math.min(10 * Math.log10(signal / error), 999), most };
}

async function burst(frames: string, width: number, height: number): Promise<readonly Rgb8[]> {
  const all = await bytes(frames);
  const size = 3 * width * height;
  return Array.from({ length: all.length / size }, (_, index) => {
    return { width, height, data: all.slice(index * size, (index + 1) * size) };
  });
}

/** A picture of floats as bytes. */
async function picture(name: string): Promise<Uint8Array> {
  const raw = await bytes(name);
  if (!name.endsWith(".f32")) return raw;
  const floats = new Float32Array(raw.buffer);
  return Uint8Array.from(floats, (value) => Math.round(255 * Math.min(Math.max(value, 0), 1)));
}

const jobs = {
  isolated: () => crossOriginIsolated,

  async selfTest(asked: Asked, bursts: boolean | number): Promise<SelfTest> {
    return (await opened(asked)).selfTest({ bursts });
  },

  async zoom(
    asked: Asked,
    frames: string,
    size: readonly [number, number],
    expected: string,
  ): Promise<ZoomTest> {
    const driver = await opened(asked);
    const steps = new Set<string>();
    const before = (await driver.selfTest()).dispatches ?? 0;
    const given = await burst(frames, ...size);
    const started = performance.now();
    const made = await driver.zoom(given, { onProgress: ({ step }) => steps.add(step) });
    const wallSeconds = (performance.now() - started) / 1000;
    const after = (await driver.selfTest()).dispatches ?? 0;
    const { data } = made.weightMap;
    return {
      ...nearness(made.picture.data, await picture(expected)),
      reference: made.reference,
      used: made.frames.flatMap((frame) => (frame.used ? [frame.index] : [])),
      shifts: made.frames.map((frame) => frame.shift ?? []),
      reasons: made.frames.map((frame) => frame.reason),
      dispatches: after - 2 * before,
      seconds: made.seconds,
      wallSeconds,
      steps: [...steps],
      map: [made.weightMap.width, made.weightMap.height, Math.min(...data), Math.max(...data)],
    };
  },

  async enhance(
    asked: Asked,
    frames: string,
    size: readonly [number, number],
    expected: string,
  ): Promise<Nearness> {
    const driver = await opened(asked);
    const [first] = await burst(frames, ...size);
    return nearness((await driver.enhance(first)).data, await picture(expected));
  },

  /** Cancels a zoom at a step, and zooms once more. */
  async cancel(
    asked: Asked,
    frames: string,
    size: readonly [number, number],
    at: Progress["step"],
  ): Promise<{
    readonly name: string;
    readonly after: readonly string[];
    readonly again: boolean;
  }> {
    const driver = await opened(asked);
    const abort = new AbortController();
    const after: string[] = [];
    const onProgress = ({ step }: Progress): void => {
      if (abort.signal.aborted) after.push(step);
      if (step === at) abort.abort();
    };
    const name = await driver
      .zoom(await burst(frames, ...size), { signal: abort.signal, onProgress })
      .then(
        () => "nothing",
        (error: Error) => error.name,
      );
    const made = await driver.zoom((await burst(frames, ...size)).slice(0, 2));
    return { name, after, again: made.picture.data.length > 0 };
  },

  /** What is said where something is wrong. */
  async refusals(): Promise<readonly string[]> {
    const said: string[] = [];
    const note = (error: unknown): void => {
      said.push(error instanceof Refusal ? `${error.kind}: ${error.message}` : String(error));
    };
    const wrong = new BurstWorker();
    await wrong.zoom([]).catch(note);
    await wrong.open(new Uint8Array(40)).catch(note);
    await wrong.open(await bytes("sr_x2_y.zip")).catch(note);
    const wasmUrl = new URL("/wasm/", location.href).href;
    const here = { backend: "wasm", precision: "fp32", wasmUrl } as const;
    await wrong.use({ ...here, wasmUrl: new URL("/nowhere/", location.href).href }).catch(note);
    await wrong.use({ ...here, precision: "fp16" }).catch(note);
    await wrong.use({ ...here, threads: 2 }).catch(note);
    await wrong.use({ ...here, threads: 1 }).catch(note);
    const frame = { width: 8, height: 8, data: new Uint8Array(192) };
    await wrong.zoom([frame]).catch(note);
    await wrong.enhance({ ...frame, data: new Uint8Array(192) }).catch(note);
    const last = wrong.selfTest().catch(note);
    wrong.close();
    await last;
    await wrong.selfTest().catch(note);
    return said;
  },
};

Object.assign(window, { jobs });
export type Jobs = typeof jobs;
