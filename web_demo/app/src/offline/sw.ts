/**
 * Service worker: keeps the page for use offline, and sends it with the headers that isolate it.
 *
 * Files are stored one by one: where storage is full, those that fit are kept, the others come from the
 * host as before, and the page is told.
 */
import { SECURITY_HEADERS } from "./headers";
import { cacheName, type Kept, neededHere } from "./precache";
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
  addEventListener(type: "message", listener: (event: Extendable) => void): void;
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
  threads: true,
});
const name = cacheName(files);

let filling: Promise<void> | undefined;

/** Keep what is not kept yet, small files first, and tell all pages how it stands. */
async function fill(): Promise<void> {
  const cache = await caches.open(await name);
  let state: OfflineState = { kind: "ready" };
  for (const { path } of needed) {
    const address = addressOf(path);
    if (await cache.match(address)) continue;
    try {
      const response = await fetch(address, { cache: "no-cache" });
      if (response.ok) await cache.put(address, response);
      else state = { kind: "incomplete", reason: "the host does not give all files" };
    } catch (error) {
      const isFull = error instanceof Error && error.name === "QuotaExceededError";
      state = {
        kind: "incomplete",
        reason: isFull ? "this browser's storage is full" : "the host was not reached",
      };
    }
  }
  for (const page of await scope.clients.matchAll({ includeUncontrolled: true }))
    page.postMessage(state);
}

function addressOf(path: string): string {
  return new URL(path === "index.html" ? "./" : path, scope.registration.scope).href;
}

async function answered(request: Request): Promise<Response> {
  const address = new URL(request.url);
  address.search = "";
  const key = address.pathname.endsWith("/index.html") ? new URL("./", address).href : address.href;
  // A cache that cannot be opened is as good as none.
  const kept = await caches
    .open(await name)
    .then((cache) => cache.match(key))
    .catch(() => undefined);
  const response = kept ?? (await fetch(request));
  if (response.type !== "basic" && response.type !== "default") return response;
  const headers = new Headers(response.headers);
  for (const [header, value] of Object.entries(SECURITY_HEADERS)) headers.set(header, value);
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  const bodiless = [204, 205, 304].includes(response.status);
  return new Response(bodiless ? null : response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));

scope.addEventListener("activate", (event) => {
  const tidied = async (): Promise<void> => {
    const own = await name;
    const old = (await caches.keys()).filter(
      (each) => each.startsWith("burst-zoom-") && each !== own,
    );
    await Promise.all(old.map((each) => caches.delete(each)));
    await scope.clients.claim();
  };
  event.waitUntil(tidied());
});

scope.addEventListener("message", (event) => {
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
