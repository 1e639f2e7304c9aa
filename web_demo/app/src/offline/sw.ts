/**
 * Service worker: keeps the page for use offline, and sends it with the headers that isolate it.
 *
 * Files are stored one by one: where storage is full, those that fit are kept, the others come from the
 * host as before, and the page is told.
 */
import { SECURITY_HEADERS } from "./headers";
import { addressOf, digestOf, fileFor, type Kept, keyOf, neededHere } from "./precache";
import type { OfflineState } from "./register";

/** What a service worker sees of its world, as far as this one uses it. */
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: {
      includeUncontrolled: boolean;
    }): Promise<readonly { postMessage(message: OfflineState): void }[]>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Extendable) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchLike) => void): void;
  addEventListener(
    type: "message",
    listener: (event: Extendable & { readonly data: unknown }) => void,
  ): void;
}

interface Extendable {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchLike extends Extendable {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

const scope = self as unknown as Scope;
const files = "%PRECACHE%" as unknown as readonly Kept[];
const needed = neededHere(files, {
  // A module of one relaxed instruction: valid only where there are such.
  relaxedSimd: WebAssembly.validate(
    new Uint8Array([
      0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253,
      15, 65, 2, 253, 15, 253, 128, 2, 11,
    ]),
  ),
  threads: navigator.hardwareConcurrency > 1,
  suspending: "Suspending" in WebAssembly,
});
const place = scope.registration.scope;
const CACHE = "burst-zoom";

let filling: Promise<void> | undefined;

/** Keep what is not kept yet, and tell all pages how it stands. */
async function fill(): Promise<void> {
  let state: OfflineState = { kind: "ready" };
  for (const file of needed) {
    const trouble = await keep(file);
    if (trouble) state = { kind: "incomplete", reason: trouble };
  }
  const pages = await scope.clients.matchAll({ includeUncontrolled: true });
  for (const page of pages) page.postMessage(state);
}

/** Keep a file if it is what this build is made of. @returns what hinders it. */
async function keep(file: Kept): Promise<string | undefined> {
  try {
    const cache = await caches.open(CACHE);
    const key = keyOf(file, place);
    if (await cache.match(key)) return undefined;
    const response = await fetch(addressOf(file, place), { cache: "no-cache" });
    if (!response.ok) return "the host does not give all files";
    const content = await response.arrayBuffer();
    if ((await digestOf(content)) !== file.digest) return "the host has another build by now";
    await cache.put(key, new Response(content, { headers: isolating(response) }));
    return undefined;
  } catch (error) {
    const isFull = error instanceof Error && error.name === "QuotaExceededError";
    return isFull ? "this browser's storage is full" : "the host was not reached";
  }
}

/** Let go of files of earlier builds. */
async function tidy(): Promise<void> {
  const own = new Set(files.map((file) => keyOf(file, place)));
  const cache = await caches.open(CACHE);
  for (const { url } of await cache.keys()) if (!own.has(url)) await cache.delete(url);
}

/** The headers of a file, and those that isolate the page. */
function isolating({ headers: given }: Response): Headers {
  const headers = new Headers(given);
  for (const [header, value] of Object.entries(SECURITY_HEADERS)) headers.set(header, value);
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return headers;
}

async function answered(request: Request): Promise<Response> {
  const file = fileFor(files, request.url, place);
  // A cache that cannot be opened is as good as none.
  const kept = file && (await caches.match(keyOf(file, place)).catch(() => undefined));
  if (kept) return kept;
  const response = await fetch(request);
  if (response.type !== "basic" || !response.ok) return response;
  const { status, statusText, body } = response;
  return new Response(body, { status, statusText, headers: isolating(response) });
}

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));

scope.addEventListener("activate", (event) => {
  // A cache that cannot be tidied is no reason not to answer.
  event.waitUntil(
    tidy()
      .catch(() => undefined)
      .then(() => scope.clients.claim()),
  );
});

scope.addEventListener("message", (event) => {
  if (event.data === "take over") {
    event.waitUntil(scope.skipWaiting());
    return;
  }
  filling ??= fill().finally(() => {
    filling = undefined;
  });
  event.waitUntil(filling);
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const isOwn = request.method === "GET" && request.url.startsWith(scope.registration.scope);
  if (isOwn) event.respondWith(answered(request));
});
