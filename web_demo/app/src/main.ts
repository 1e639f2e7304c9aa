/** Starts the page. */
import { App } from "./app";
import { remote } from "./jobs/calls";
import type { PixelWork } from "./jobs/pixels.worker";
import { goOffline, type OfflineState } from "./offline/register";
import { byId } from "./view/dom";

const pixels = new Worker(new URL("./jobs/pixels.worker.ts", import.meta.url), { type: "module" });
const app = new App(remote<PixelWork>(pixels));
await app.start();

const line = byId("offline", HTMLParagraphElement);
const told = (state: OfflineState): void => {
  line.textContent =
    state.kind === "ready" ? "Works offline." : `Not all of it works offline: ${state.reason}.`;
};
if (import.meta.env.PROD) {
  const problem = await goOffline(told, () => app.isIdle);
  if (problem) line.textContent = `Works online only: ${problem}.`;
}
