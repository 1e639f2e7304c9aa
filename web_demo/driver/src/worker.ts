/** The whole driver behind one worker: one job at a time, which can be canceled. */
import { opened, readBundle } from "./bundle/reading.js";
import { enhance } from "./enhance.js";
import type { Bundle, Progress, StageRunner } from "./face.js";
import type { Failure, JobName, Jobs, OpenedBundle, Reply, Request } from "./messages.js";
import { Refusal } from "./refusal.js";
import { liteRtRunner } from "./run/litert.js";
import { defaultThreads } from "./run/runtime.js";
import { selfTest } from "./self_test.js";
import { zoomBurst } from "./zoom.js";

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
let bundle: Bundle | undefined;
let runner: StageRunner | undefined;
let running: { readonly id: number; readonly abort: AbortController } | undefined;

scope.onmessage = (event: MessageEvent<Request>): void => {
  const request = event.data;
  if (request.job === "cancel") {
    if (running?.id === request.id) running.abort.abort();
    return;
  }
  if (running !== undefined) {
    reply({ id: request.id, failed: failureOf(busy()) });
    return;
  }
  const abort = new AbortController();
  running = { id: request.id, abort };
  made(request, abort.signal)
    .then(
      (result): Reply => ({ id: request.id, made: result }),
      (error: unknown): Reply => ({ id: request.id, failed: failureOf(error) }),
    )
    .then((answer) => {
      running = undefined;
      reply(answer, "made" in answer ? memoryOf(answer.made) : []);
    });
};

async function made(
  request: Exclude<Request, { job: "cancel" }>,
  signal: AbortSignal,
): Promise<Jobs[JobName][1]> {
  const onProgress = (progress: Progress): void => reply({ id: request.id, progress });
  switch (request.job) {
    case "open":
      return open(request.given);
    case "use":
      return use(request.given);
    case "selfTest":
      return selfTest(openBundle(), openRunner(), { ...request.given, signal });
    case "zoom":
      return zoomBurst(openBundle(), openRunner(), request.given.frames, { signal, onProgress });
    case "enhance":
      return enhance(openBundle(), openRunner(), request.given.picture, { signal, onProgress });
  }
}

async function open(given: Jobs["open"][0]): Promise<OpenedBundle> {
  runner?.close();
  runner = undefined;
  bundle = undefined;
  const found = opened(await readBundle(given.bundle, { publicKey: given.key }));
  bundle = found;
  const { manifest, kind, name, scale, sha256, signed } = found;
  return { manifest, kind, name, scale, sha256, signed };
}

async function use(given: Jobs["use"][0]): Promise<{ readonly threads: number }> {
  runner?.close();
  runner = undefined;
  runner = await liteRtRunner(openBundle(), given);
  const threads = given.backend === "webgpu" ? 1 : (given.threads ?? defaultThreads());
  return { threads };
}

function openBundle(): Bundle {
  if (bundle === undefined) throw new Refusal("no bundle is open; open one first", "input");
  return bundle;
}

function openRunner(): StageRunner {
  if (runner === undefined) throw new Refusal("no backend is chosen; choose one by use()", "input");
  return runner;
}

function busy(): Refusal {
  return new Refusal("the worker is at work; wait for it, or cancel that first", "input");
}

function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) return { kind: error.kind, message: error.message };
  const isAbort = error instanceof Error && error.name === "AbortError";
  return { kind: isAbort ? "abort" : "error", message: String(error) };
}

/** Memory that goes over to the page with a result. */
function memoryOf(result: Jobs[JobName][1]): Transferable[] {
  if ("data" in result) return [result.data.buffer as ArrayBuffer];
  if (!("picture" in result)) return [];
  const { picture, agreementMap, weightMap } = result;
  return [picture, agreementMap, weightMap].map(({ data }) => data.buffer as ArrayBuffer);
}

function reply(answer: Reply, memory: Transferable[] = []): void {
  scope.postMessage(answer, memory);
}
