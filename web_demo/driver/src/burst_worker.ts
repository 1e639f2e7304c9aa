/** The driver in a worker, seen from the page, which never computes. */
import type { Progress, Rgb8, RunnerOptions, SelfTest, Zoomed, ZoomOptions } from "./face.js";
import type { Failure, JobName, Jobs, OpenedBundle, Reply } from "./messages.js";
import { Refusal } from "./refusal.js";

interface Waiting {
  readonly resolve: (made: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

/**
 * Opens bundles and zooms bursts in a worker of its own.
 *
 * One job runs at a time. Pictures and bundles that are given are moved to the worker: their memory
 * is empty afterwards.
 */
export class BurstWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #isClosed = false;

  /** @param worker one that runs `worker.js` of this package; made here if left out. */
  constructor(worker?: Worker) {
    this.#worker =
      worker ?? new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.onmessage = (event: MessageEvent<Reply>) => this.#take(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      // A script that does not arrive is an event without words.
      this.#fail(
        event.message
          ? new Refusal(`the worker stopped (${event.message}); load the page anew`, "runtime")
          : new Refusal(
              "the worker's script cannot be loaded; check the connection and load the page anew",
              "loading",
            ),
      );
    };
    this.#worker.onmessageerror = () => {
      this.#fail(new Refusal("what the worker said cannot be read; load the page anew", "runtime"));
    };
  }

  /** Reads a bundle, by a public key in PEM or SPKI if it must be signed by that. */
  open(
    bundle: Uint8Array,
    options: { readonly key?: Uint8Array | undefined } = {},
  ): Promise<OpenedBundle> {
    return this.#ask("open", { bundle, key: options.key }, [bundle]);
  }

  /** Compiles the graphs of the open bundle for a backend; in place of those before. */
  use(options: RunnerOptions): Promise<{ readonly threads: number }> {
    return this.#ask("use", options, []);
  }

  selfTest(
    options: { readonly bursts?: boolean | number; readonly signal?: AbortSignal } = {},
  ): Promise<SelfTest> {
    return this.#ask("selfTest", { bursts: options.bursts ?? false }, [], options);
  }

  zoom(frames: readonly Rgb8[], options: ZoomOptions = {}): Promise<Zoomed> {
    return this.#ask(
      "zoom",
      { frames },
      frames.map(({ data }) => data),
      options,
    );
  }

  enhance(picture: Rgb8, options: ZoomOptions = {}): Promise<Rgb8> {
    return this.#ask("enhance", { picture }, [picture.data], options);
  }

  /** Ends the worker; whatever it was asked for fails. */
  close(): void {
    this.#isClosed = true;
    this.#worker.terminate();
    this.#fail(closed());
  }

  #ask<N extends JobName>(
    job: N,
    given: Jobs[N][0],
    memory: readonly Uint8Array[],
    options: ZoomOptions = {},
  ): Promise<Jobs[N][1]> {
    const { signal, onProgress } = options;
    const id = ++this.#last;
    return new Promise<Jobs[N][1]>((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#isClosed) throw closed();
      const cancel = (): void => this.#worker.postMessage({ id, job: "cancel" });
      const done = (): void => signal?.removeEventListener("abort", cancel);
      this.#waiting.set(id, {
        resolve: (made) => {
          done();
          resolve(made);
        },
        reject: (error) => {
          done();
          reject(signal?.aborted ? signal.reason : error);
        },
        onProgress,
      });
      signal?.addEventListener("abort", cancel);
      this.#worker.postMessage({ id, job, given }, [...movable(memory)]);
    });
  }

  #take(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    if ("progress" in reply) {
      waiting.onProgress?.(reply.progress);
      return;
    }
    this.#waiting.delete(reply.id);
    if ("made" in reply) waiting.resolve(reply.made as never);
    else waiting.reject(errorOf(reply.failed));
  }

  #fail(error: Refusal): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) waiting.reject(error);
  }
}

function closed(): Refusal {
  return new Refusal("the worker was closed; make a new one", "runtime");
}

/** Memory that holds nothing else; what is shared with other things is copied. */
function movable(memory: readonly Uint8Array[]): ReadonlySet<ArrayBuffer> {
  return new Set(
    memory.flatMap(({ buffer, byteLength }) => {
      return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
    }),
  );
}

function errorOf({ kind, message }: Failure): Error {
  if (kind === "abort") return new DOMException(message, "AbortError");
  return kind === "error" ? new Error(message) : new Refusal(message, kind);
}
