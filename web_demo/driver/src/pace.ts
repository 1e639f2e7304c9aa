/** Long work that can be stopped, and that lets messages through meanwhile. */
import type { Progress } from "./face.js";

/** Milliseconds of work after which messages are let through. */
const TURN_MS = 40;

/** Stops work that was aborted, and tells how far it is. */
export class Pace {
  #last = performance.now();

  constructor(
    readonly signal: AbortSignal | undefined,
    readonly onProgress: ((progress: Progress) => void) | undefined,
  ) {}

  /** Throws the reason of an abort; now and then waits for a turn of the event loop. */
  async turn(): Promise<void> {
    this.signal?.throwIfAborted();
    if (performance.now() - this.#last < TURN_MS) return;
    await nextTurn();
    this.#last = performance.now();
    this.signal?.throwIfAborted();
  }

  tell(step: Progress["step"], done: number, total: number, note?: string): void {
    this.onProgress?.({ step, done, total, ...(note === undefined ? {} : { note }) });
  }
}

/** Resolves after the messages that have come. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
