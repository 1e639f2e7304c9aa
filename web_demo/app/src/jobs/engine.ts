/** The worker that computes: which bundle is open in it, by which way, and when it is begun anew. */
import {
  BurstWorker,
  Refusal,
  type Rgb8,
  type SelfTest,
  type Zoomed,
  type ZoomOptions,
} from "@edge-sdk/burst-driver";
import { Complaint, isCancelled, lineOf } from "../pictures/complaint";
import { type Entry, loadBundle } from "./catalog";
import { keyOf, type Tested, type Way } from "./ways";

/** A step that does not end by itself within this time after it was cancelled is ended with its worker. */
const GRACE_MS = 4000;

/** Options of a job that can always be cancelled. */
type Job = ZoomOptions & { readonly signal: AbortSignal };

export class Engine {
  #worker: BurstWorker | undefined;
  /** The bundle and the way that it is ready for; empty while it is for none. */
  #loaded = "";

  /**
   * Run the self-test of a way. That this browser cannot even start it is a result too.
   *
   * @throws Complaint if the bundle or a file of the runtime did not arrive whole: that says nothing of a
   * processor.
   */
  async test(entry: Entry, way: Way, signal: AbortSignal): Promise<Tested> {
    try {
      // Halves may pass graph by graph, and still not add up to the picture.
      const bursts = way.precision === "fp16" ? 1 : 0;
      const test: SelfTest = await this.#job(entry, way, signal, (worker) =>
        worker.selfTest({ signal, bursts }),
      );
      return { ...way, test };
    } catch (error) {
      if (isCancelled(error) || !(error instanceof Refusal)) throw error;
      if (error.kind === "loading") throw new Complaint(notLoaded(error));
      return { ...way, failure: lineOf(error) };
    }
  }

  /** Zoom a burst. Its frames are moved to the worker. */
  zoom(entry: Entry, way: Way, frames: readonly Rgb8[], job: Job): Promise<Zoomed> {
    return this.#job(entry, way, job.signal, (worker) => worker.zoom(frames, job));
  }

  /** Enhance a picture, which is moved to the worker. */
  enhance(entry: Entry, way: Way, picture: Rgb8, job: Job): Promise<Rgb8> {
    return this.#job(entry, way, job.signal, (worker) => worker.enhance(picture, job));
  }

  async #job<Result>(
    entry: Entry,
    way: Way,
    signal: AbortSignal,
    work: (worker: BurstWorker) => Promise<Result>,
  ): Promise<Result> {
    const hurry = (): void => {
      setTimeout(() => {
        if (isRunning) this.#end();
      }, GRACE_MS);
    };
    let isRunning = true;
    signal.addEventListener("abort", hurry);
    try {
      const worker = await this.#ready(entry, way);
      signal.throwIfAborted();
      return await work(worker);
    } catch (error) {
      signal.throwIfAborted();
      // After trouble of the runtime, a lost GPU or full memory, nothing in there is trusted.
      const isSound = error instanceof Refusal && !["loading", "runtime"].includes(error.kind);
      if (!isSound) this.#end();
      throw error;
    } finally {
      isRunning = false;
      signal.removeEventListener("abort", hurry);
    }
  }

  /**
   * The worker, with this bundle open and compiled for this way.
   *
   * Another bundle or way gets another worker: threads and memory of the runtime that were in use are not
   * all given back before that.
   */
  async #ready(entry: Entry, way: Way): Promise<BurstWorker> {
    const wanted = `${entry.file} ${keyOf(way)}`;
    if (this.#worker && this.#loaded === wanted) return this.#worker;
    this.#end();
    const worker = new BurstWorker();
    this.#worker = worker;
    await worker.open(await loadBundle(entry)).catch((error: unknown) => {
      if (!(error instanceof Refusal) || ["loading", "runtime"].includes(error.kind)) throw error;
      throw new Complaint(`bundles/${entry.file} cannot be used: ${error.message}`);
    });
    await worker.use({ ...way, wasmUrl: new URL("./litert/", document.baseURI).href });
    this.#loaded = wanted;
    return worker;
  }

  #end(): void {
    this.#worker?.close();
    this.#worker = undefined;
    this.#loaded = "";
  }
}

/** A file of the runtime did not arrive: what people can do about that is not what a caller can. */
function notLoaded({ message }: Refusal): string {
  const what = message.replace(/; check wasmUrl$/, "");
  return /; /.test(what) ? what : `${what}; check the connection and load the page anew`;
}
