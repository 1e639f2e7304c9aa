/** The burst by the page as people use it: its files chosen, the picture waited for. */
import { fileURLToPath } from "node:url";
import { launch } from "../app/tests/browser.js";
import { peakMebibytes, watchTasks } from "./browsers.js";
import type { Row } from "./page.js";

const FRAMES = fileURLToPath(new URL("../.cache/bench/", import.meta.url));

export async function zoomByPage(url: string, frames: number, patience: number): Promise<Row> {
  const browser = await launch("no GPU");
  try {
    const page = await browser.newPage();
    await page.goto(url);
    const status = (wanted: string): Promise<unknown> =>
      page.waitForFunction(
        (start) => document.getElementById("status")?.textContent?.startsWith(start),
        wanted,
        { timeout: patience },
      );
    await status("Ready.");
    await page.selectOption("#processor", "wasm fp32");
    // The self-test comes before, once for each browser: it is no part of a zoom.
    await page.click("#tests summary");
    await page.click("#test");
    await status("Tested.");
    const tasks = await watchTasks(page);
    const names = Array.from(
      { length: frames },
      (_, index) => `${FRAMES}frame-${String(index).padStart(2, "0")}.png`,
    );
    const started = performance.now();
    await page.setInputFiles("#files", names);
    await status("Done");
    const seconds = (performance.now() - started) / 1000;
    return {
      name: "the page, threads",
      precision: "fp32",
      seconds,
      steps: {},
      peakMib: peakMebibytes(),
      longestTaskMs: await tasks.longest(),
    };
  } finally {
    await browser.close();
  }
}
