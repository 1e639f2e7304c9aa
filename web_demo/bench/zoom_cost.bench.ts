/**
 * What burst zoom costs in a browser: the burst of `burst.py` in headless Chromium on WASM, by the driver
 * alone and by the page, beside the SDK in native LiteRT in the same run. Prints a page, and writes it to
 * the file TABLE.
 */
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, it } from "vitest";
import { SECURITY_HEADERS } from "../app/src/offline/headers.js";
import { type Host, host } from "../app/tests/host.js";
import { open } from "../driver/tests/browser/chromium.js";
import { madeFile } from "../driver/tests/files.js";
import { peakMebibytes } from "./browsers.js";
import { type Native, pageOf, type Row } from "./page.js";
import { zoomByPage } from "./page_run.js";

interface Measured {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly cores: number;
  readonly load: number;
  readonly native: Readonly<Record<"fp32" | "int8", Native>>;
}

const BURST = JSON.parse(new TextDecoder().decode(madeFile("bench.json"))) as Measured;
const SIZE = [BURST.width, BURST.height] as const;
const DIST = fileURLToPath(new URL("../app/dist", import.meta.url));
const PATIENCE = 3_600_000;

let site: Host;
beforeAll(async () => {
  site = await host(DIST, { ...SECURITY_HEADERS });
});
afterAll(() => site.close());

async function byDriver(
  name: string,
  isolated: boolean,
  precision: "fp32" | "int8",
): Promise<Row & { readonly version: string }> {
  const opened = await open(isolated);
  const version = opened.browser.version();
  try {
    const asked = { bundle: "burst_zoom_x2", backend: "wasm", precision } as const;
    const expected = `bench-${precision}.f32`;
    const found = await opened.ask("zoom", asked, "bench.rgb", SIZE, expected);
    return {
      name,
      precision,
      seconds: found.wallSeconds,
      steps: found.seconds,
      peakMib: peakMebibytes(),
      decibels: found.decibels,
      version,
    };
  } finally {
    await opened.close();
  }
}

it("is measured", { timeout: PATIENCE }, async () => {
  const rows: (Row & { readonly version?: string })[] = [
    await byDriver("WASM, threads", true, "fp32"),
    await byDriver("WASM, one thread", false, "fp32"),
    await byDriver("WASM, threads", true, "int8"),
    await zoomByPage(site.url, BURST.frames, PATIENCE),
  ];
  const load = Math.max(BURST.load, Math.round(10 * loadavg()[0]!) / 10);
  const text = pageOf({ ...BURST, load, browser: rows[0]!.version ?? "" }, BURST.native, rows);
  console.info(text);
  const table = process.env["TABLE"];
  if (table) writeFileSync(table, text);
});
