/** The graphs of one variant of a bundle in LiteRT.js, on WASM or WebGPU. */
import type { LiteRt } from "@litertjs/core";
import type { Variant } from "../bundle/manifest.js";
import { opened } from "../bundle/reading.js";
import type { Backend, Bundle, Precision, RunnerOptions, StageRunner, Tensor } from "../face.js";
import { Refusal } from "../refusal.js";
import { dispatchCount, watchDispatches } from "./dispatches.js";
import { Graph } from "./graph.js";
import { acquire, defaultThreads, release } from "./runtime.js";

/**
 * Compiles all graphs of a variant.
 *
 * On WebGPU `fp16` computes in half precision, of the graphs in fp16 where the bundle has them,
 * and else of those in fp32.
 *
 * @throws Refusal if the bundle has no such variant, or this browser does not run it.
 */
export async function liteRtRunner(bundle: Bundle, options: RunnerOptions): Promise<StageRunner> {
  const whole = opened(bundle);
  const variant = whole.variantFor(options.backend, options.precision);
  const onGpu = options.backend === "webgpu";
  if (onGpu) watchDispatches();
  const threads = onGpu ? 1 : (options.threads ?? defaultThreads());
  const build = onGpu ? "gpu" : threads > 1 ? "threaded" : "single";
  const liteRt = await acquire(folderOf(options.wasmUrl), build);
  const graphs = new Map<string, Graph>();
  try {
    const health = onGpu ? watchedDevice(liteRt) : undefined;
    for (const entry of variant.graphs) {
      const compiled = await Graph.compile(entry, whole.file(entry.file), liteRt, {
        backend: options.backend,
        threads,
        gpuPrecision: options.precision === "fp16" ? "fp16" : "fp32",
      });
      graphs.set(entry.stage, compiled);
    }
    return new LiteRtRunner(options.backend, options.precision, variant, graphs, health);
  } catch (error) {
    for (const graph of graphs.values()) graph.close();
    release();
    throw error;
  }
}

function folderOf(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}

/** What became of a GPU; empty while it is well. */
interface Health {
  trouble: string;
}

function watchedDevice(liteRt: LiteRt): Health {
  const device = liteRt.getDefaultEnvironment().webGpuDevice;
  if (device === null) {
    throw new Refusal("this browser gives no WebGPU device; take the backend wasm", "runtime");
  }
  const health: Health = { trouble: "" };
  device.lost.then((lost) => {
    health.trouble = `the GPU was lost (${lost.message || lost.reason})`;
  });
  device.addEventListener("uncapturederror", (event) => {
    health.trouble = `the GPU refused its work (${event.error.message})`;
  });
  return health;
}

class LiteRtRunner implements StageRunner {
  readonly #firstDispatch = dispatchCount();
  #closed = false;

  constructor(
    readonly backend: Backend,
    readonly precision: Precision,
    readonly variant: Variant,
    readonly graphs: ReadonlyMap<string, Graph>,
    readonly health: Health | undefined,
  ) {}

  async run(stage: string, inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    const graph = this.graphs.get(stage);
    const entry = this.variant.graphs.find((each) => each.stage === stage);
    if (this.#closed || graph === undefined || entry === undefined || inputs.length !== 1) {
      const why = this.#closed ? "the runner is closed" : `there is no graph ${stage} of one input`;
      throw new Refusal(`${why}; open a runner of this bundle`, "input");
    }
    const data = await graph.run(inputs[0].data);
    if (this.health?.trouble) {
      throw new Refusal(`${this.health.trouble}; take the backend wasm`, "runtime");
    }
    return [{ shape: entry.output.shape, data }];
  }

  dispatches(): number | undefined {
    return this.backend === "wasm" ? undefined : dispatchCount() - this.#firstDispatch;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const graph of this.graphs.values()) graph.close();
    release();
  }
}
