/** The page's side of the service worker: registration, isolation, and how far it works offline. */

/** Whether the page works without its host. */
export type OfflineState =
  | { readonly kind: "ready" }
  | { readonly kind: "incomplete"; readonly reason: string };

const TRIED = "burst-zoom: reloaded to be isolated";

/**
 * Register the service worker, and have it keep the page.
 *
 * A host that does not isolate the page is helped by one reload, once the worker is there to send the
 * headers: only while `isIdle` says that nothing would be lost.
 *
 * @returns why there is no worker, or nothing.
 */
export async function goOffline(
  onState: (state: OfflineState) => void,
  isIdle: () => boolean,
): Promise<string | undefined> {
  if (!("serviceWorker" in navigator)) return "this browser keeps no pages for use offline";
  navigator.serviceWorker.addEventListener("message", ({ data }: MessageEvent<OfflineState>) =>
    onState(data),
  );
  try {
    await navigator.serviceWorker.register("./sw.js");
  } catch {
    return "this browser does not keep the page for use offline";
  }
  const { active, waiting } = await navigator.serviceWorker.ready;
  // A newer one takes over by itself, unless the browser found the older one busy at that time.
  waiting?.postMessage("take over");
  if (!crossOriginIsolated && isIdle() && (await controlled()) && firstTry()) {
    location.reload();
    return undefined;
  }
  active?.postMessage("fill");
  // A newer build's worker takes over, and has files of its own to keep.
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    navigator.serviceWorker.controller?.postMessage("fill");
  });
  return undefined;
}

/** Whether a worker answers for this page, given a moment to begin. */
function controlled(): Promise<boolean> {
  if (navigator.serviceWorker.controller) return Promise.resolve(true);
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), 3000);
    navigator.serviceWorker.addEventListener(
      "controllerchange",
      () => {
        clearTimeout(late);
        resolve(true);
      },
      { once: true },
    );
  });
}

/** A browser that never isolates would reload for ever. */
function firstTry(): boolean {
  try {
    if (sessionStorage.getItem(TRIED)) return false;
    sessionStorage.setItem(TRIED, "yes");
    return true;
  } catch {
    return false;
  }
}
