/** Whether a backend computes what was packed: golden vectors, and golden bursts. */

import { drawnFrames } from "./bundle/burst_frames.js";
import { type BurstVector, placesOf, readBursts, stepDecibels } from "./bundle/burst_vectors.js";
import { drawnInput, outputDecibels } from "./bundle/golden.js";
import type { GraphEntry, Variant } from "./bundle/manifest.js";
import { BURSTS } from "./bundle/names.js";
import { type OpenBundle, opened } from "./bundle/reading.js";
import {
  failedStep,
  type SeenFeatures,
  type StepGates,
  seenFeatures,
  stepTests,
} from "./burst_steps.js";
import type {
  Bundle,
  BurstTest,
  SelfTest,
  SelfTestOptions,
  StageRunner,
  StageTest,
} from "./face.js";
import { Frame } from "./frame.js";
import { Refusal } from "./refusal.js";
import { makeZoom } from "./zoom.js";

/** Least signal over noise of the picture of a golden burst, by precision. */
const BURST_GATES_DB = { fp32: 80, fp16: 40, int8: 30 };
/** Most that motions and the lens may be off, in pixels: by stages in single precision, by others. */
const [EXACT_PX, ROUNDED_PX] = [0.001, 0.05];
/** Decibels beyond which nothing is told apart; below its negative there were no numbers. */
const MOST_DB = 999;
/** Runs that a time is the median of, after a first one that does not count. */
const RUNS = 3;

/** Runs the golden vectors of a bundle, and its golden bursts if they are asked for. */
export async function selfTest(
  bundle: Bundle,
  runner: StageRunner,
  options: SelfTestOptions = {},
): Promise<SelfTest> {
  const whole = opened(bundle);
  const variant = whole.variantFor(runner.backend, runner.precision);
  const stages: StageTest[] = [];
  for (const graph of variant.graphs) {
    options.signal?.throwIfAborted();
    stages.push(await testGraph(whole, runner, graph, gateOf(graph, runner, variant)));
  }
  const bursts: BurstTest[] = [];
  const most = options.bursts === true ? Number.POSITIVE_INFINITY : Number(options.bursts ?? 0);
  if (most > 0 && whole.kind === "burst") {
    for (const vector of readBursts(whole.file(BURSTS), BURSTS).slice(0, most)) {
      bursts.push(await testBurst(whole, runner, vector, options.signal));
    }
  }
  return summary(runner, stages, bursts);
}

function summary(
  runner: StageRunner,
  stages: readonly StageTest[],
  bursts: readonly BurstTest[],
): SelfTest {
  const dispatches = runner.dispatches();
  const all = [
    ...stages.map((each) => ({ ...each, what: each.stage, differs: "" })),
    ...bursts.map((each) => ({ ...each, what: `the burst '${each.name}'` })),
  ];
  const margin = (each: { readonly decibels: number; readonly gate: number }): number =>
    each.decibels - each.gate;
  const worst = all.reduce((found, each) => (margin(each) < margin(found) ? each : found), all[0]);
  const failed = all.find((each) => !(margin(each) >= 0) || each.differs !== "");
  let reason = "";
  if (failed !== undefined && !failed.differs && !hasNumbers(failed)) {
    reason = `${failed.what} gives no numbers, or not so many; take another backend or precision`;
  } else if (dispatches === 0) reason = "WebGPU was given no work; take the backend wasm";
  else if (failed?.differs) reason = `${failed.what}: ${failed.differs}; take another backend`;
  else if (failed !== undefined) {
    reason =
      `${failed.what} has ${failed.decibels.toFixed(1)} dB, and needs ${failed.gate}; take ` +
      "another backend or precision";
  }
  return {
    backend: runner.backend,
    precision: runner.precision,
    decibels: worst.decibels,
    gate: worst.gate,
    passes: reason === "",
    milliseconds: stages.reduce((sum, each) => sum + each.milliseconds, 0),
    ...(dispatches === undefined ? {} : { dispatches }),
    stages,
    bursts,
    reason,
  };
}

async function testGraph(
  bundle: OpenBundle,
  runner: StageRunner,
  graph: GraphEntry,
  gate: number,
): Promise<StageTest> {
  const vector = bundle.golden.get(graph.golden);
  if (vector === undefined || graph.input.shape.length !== 4) {
    throw new Refusal(`${graph.stage} has no golden vector; pack the bundle anew`, "golden");
  }
  const input = { shape: graph.input.shape, data: drawnInput(vector) };
  const [output] = await runner.run(graph.stage, [input]);
  const decibels = outputDecibels(vector, output.data, output.shape);
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    await runner.run(graph.stage, [input]);
    times.push(performance.now() - started);
  }
  const milliseconds = times.sort((one, other) => one - other)[Math.floor(RUNS / 2)];
  return { stage: graph.stage, decibels: bounded(decibels), gate, milliseconds };
}

async function testBurst(
  bundle: OpenBundle,
  runner: StageRunner,
  vector: BurstVector,
  signal: AbortSignal | undefined,
): Promise<BurstTest> {
  const started = performance.now();
  const { name } = vector.burst;
  const gate = BURST_GATES_DB[runner.precision];
  const [, , width] = vector.picture.shape;
  const found = new Map<number, number>();
  const asked = placesOf(vector.picture);
  const area = vector.picture.shape[1] * width;
  const frames = drawnFrames(vector.burst);
  let seen: SeenFeatures | undefined;
  try {
    const made = await makeZoom(
      bundle,
      runner,
      frames,
      (firstRow, rows) => {
        for (const place of asked) {
          const row = Math.floor((place % area) / width) - firstRow;
          if (row < 0 || row >= rows.height) continue;
          const at = 3 * (row * rows.width + (place % width)) + Math.floor(place / area);
          found.set(place, Math.min(Math.max(rows.data[at], 0), 1));
        }
      },
      { signal },
      {
        features: (features, height, width) => {
          seen = seenFeatures(features, height, width);
        },
      },
    );
    const gates = stepGates(bundle, runner);
    const steps = await stepTests(vector, made, new Frame(frames[0]), seen, gates);
    const decibels = stepDecibels(vector.picture, (place) => found.get(place) ?? Number.NaN);
    const milliseconds = performance.now() - started;
    const differs = differenceOf(vector, made) || failedStep(steps);
    return { name, decibels: bounded(decibels), gate, differs, steps, milliseconds };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const milliseconds = performance.now() - started;
    const decibels = -MOST_DB;
    return { name, decibels, gate, differs: error.message, steps: [], milliseconds };
  }
}

/** Gates of all that comes before `decode`: those of the graphs it comes from. */
export function stepGates(bundle: Bundle, runner: StageRunner): StepGates {
  const variant = opened(bundle).variantFor(runner.backend, runner.precision);
  const before = variant.graphs.filter(({ stage }) => stage !== "decode");
  const least = Math.min(...before.map((graph) => gateOf(graph, runner, variant)));
  return { decibels: least, px: least >= BURST_GATES_DB.fp32 ? EXACT_PX : ROUNDED_PX };
}

/** A GPU that computes graphs of single precision in halves is held to what halves must reach. */
function gateOf(graph: GraphEntry, runner: StageRunner, variant: Variant): number {
  const isHalved = runner.precision === "fp16" && variant.precision !== "fp16";
  return isHalved ? Math.min(graph.gate_db, BURST_GATES_DB.fp16) : graph.gate_db;
}

/** What was decided otherwise than in a vector; empty for nothing. */
export function differenceOf(vector: BurstVector, made: Decisions): string {
  const { burst } = made;
  const used = burst.frames.flatMap((_, index) => {
    return index === burst.reference || burst.found.get(index)?.reason === "" ? [index] : [];
  });
  for (const [what, found, expected] of [
    ["the reference", burst.reference, vector.reference],
    ["the frames merged", String(used), String(vector.used)],
    ["the number of hot pixels", made.hot.length, vector.hot],
  ] as const) {
    if (found !== expected) return `${what}: ${found}, not ${expected}`;
  }
  return "";
}

type Decisions = Pick<Awaited<ReturnType<typeof makeZoom>>, "burst" | "hot">;

/** Whether a test had numbers to compare; decibels of one that had none mean nothing. */
export function hasNumbers({ decibels }: { readonly decibels: number }): boolean {
  return decibels > -MOST_DB;
}

/** Decibels that JSON can hold. */
function bounded(decibels: number): number {
  return Math.min(Math.max(decibels, -MOST_DB), MOST_DB);
}
