/** The sample burst, from its button to the saved PNG, on each processor. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "../browser";
import { type Host, host } from "../host";
import { wavesBurst } from "../pictures";
import {
  choose,
  DIST,
  finished,
  message,
  type Opened,
  opened,
  processor,
  sampleFrames,
  tested,
} from "./opened";

const TRUTH = fileURLToPath(new URL("../../.truth", import.meta.url));
const LONGEST_TASK_MS = 100;

let site: Host;
beforeAll(async () => {
  site = await host(DIST);
});
afterAll(() => site.close());

/** How near a PNG comes to what a camera without noise sees, in dB; compared by the browser. */
async function psnr(page: Page, png: Buffer, truth: Buffer): Promise<number> {
  return page.evaluate(
    async (files) => {
      const pixels = await Promise.all(
        files.map(async (base64) => {
          const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
          const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
          const paint = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
          paint.drawImage(bitmap, 0, 0);
          return paint.getImageData(0, 0, bitmap.width, bitmap.height);
        }),
      );
      const [one, other] = [pixels[0]!, pixels[1]!];
      if (one.width !== other.width || one.height !== other.height) throw new Error("sizes differ");
      let [sum, count] = [0, 0];
      for (let at = 0; at < one.data.length; at++) {
        if (at % 4 === 3) continue;
        sum += (one.data[at]! - other.data[at]!) ** 2;
        count++;
      }
      return 10 * Math.log10((255 ** 2 * count) / sum);
    },
    [png.toString("base64"), truth.toString("base64")],
  );
}

/**
 * The longest task of the page's main thread in a trace, in ms of processor time.
 *
 * By the clock, as the browser's own observer of long tasks has it, a task that waits for a busy machine
 * is long too.
 */
function longestTask(trace: Buffer): number {
  interface Event {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly tdur?: number;
    readonly args: { readonly name?: string };
  }
  const { traceEvents } = JSON.parse(trace.toString()) as {
    readonly traceEvents: readonly Event[];
  };
  const threadOf = ({ pid, tid }: Event): string => `${pid} ${tid}`;
  const named = traceEvents.filter(({ name }) => name === "thread_name");
  const main = new Set(named.filter(({ args }) => args.name === "CrRendererMain").map(threadOf));
  const tasks = traceEvents.filter((event) => main.has(threadOf(event)));
  return tasks.reduce((longest, { tdur }) => Math.max(longest, (tdur ?? 0) / 1000), 0);
}

/** Decibels, gate, milliseconds and dispatches of a self-test. */
async function numbersOf(row: Locator): Promise<readonly number[]> {
  const cells = await row.locator("td").allTextContents();
  return cells.slice(1).map(Number);
}

/** Save the picture as people do. */
async function saved(page: Page): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  return readFileSync(await download.path());
}

/** Texts in a PNG, by keyword. */
function textsIn(png: Buffer): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString("latin1", at + 4, at + 8) !== "tEXt") continue;
    const [keyword = "", text = ""] = png
      .toString("latin1", at + 8, at + 8 + png.readUInt32BE(at))
      .split("\0");
    texts[keyword] = text;
  }
  return texts;
}

describe("on WASM", () => {
  const way = "wasm fp32";
  let browser: Browser;
  let visit: Opened;
  let status: string;
  let trace: Buffer;

  beforeAll(async () => {
    browser = await launch("no GPU");
    visit = await opened(browser, site.url);
    await processor(visit.page, way);
    await browser.startTracing(visit.page, { categories: ["toplevel", "__metadata"] });
    await visit.page.click("#sample");
    status = await finished(visit.page);
    trace = await browser.stopTracing();
  }, 200_000);
  afterAll(() => browser.close());

  it("makes a picture of twice the size from most frames", () => {
    const [, used] = /286×185 → 572×370 px from (\d+) of 10 frames/.exec(status)!;
    expect(Number(used)).toBeGreaterThanOrEqual(8);
  });

  it("is nearer to the truth than one frame enlarged, by 3 dB and more", async () => {
    const { page } = visit;
    const png = await saved(page);
    const texts = textsIn(png);
    const [, counted] = /^(\d), counted from 0$/.exec(texts["Reference frame"]!)!;
    const reference = `coffee-${String(Number(counted) + 1).padStart(2, "0")}.png`;
    expect(await page.textContent("#facts")).toContain(`Reference${reference} (frame ${counted})`);
    const truth = readFileSync(`${TRUTH}/${reference}`);
    const enlarged = await page.evaluate(async (name) => {
      const bitmap = await createImageBitmap(await (await fetch(`./sample/${name}`)).blob());
      const canvas = new OffscreenCanvas(2 * bitmap.width, 2 * bitmap.height);
      const paint = canvas.getContext("2d")!;
      paint.imageSmoothingQuality = "high";
      paint.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
      return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    }, reference);
    const [ours, plain] = [
      await psnr(page, png, truth),
      await psnr(page, Buffer.from(enlarged, "base64"), truth),
    ];
    expect(ours).toBeGreaterThan(plain + 3);
    expect(texts).toMatchObject({ Processor: "WASM fp32" });
    expect(texts["Software"]).toContain("edge-sdk");
    expect(texts["Model"]).toContain("burst_zoom_x2");
    expect(texts["Frames used"]).toMatch(/^\d+ of 10$/);
  });

  it("passed its self-test there, and says why it was taken", async () => {
    const { page } = visit;
    const row = page.locator("#tests tbody tr").first();
    expect(await row.locator("td").first().textContent()).toBe("passes");
    const [decibels, gate] = await numbersOf(row);
    expect(decibels).toBeGreaterThan(gate!);
    expect(await page.textContent("#why")).toContain("passes its self-test");
  });

  it("says what became of each frame, where samples came from and what agreed", async () => {
    const { page } = visit;
    await page.click("#frames summary");
    const rows = page.locator("#frames tbody tr");
    expect(await rows.count()).toBe(10);
    expect(await rows.first().locator("th").textContent()).toBe("0 · coffee-01.png");
    await page.waitForFunction(
      () => document.querySelectorAll("#frames tbody canvas").length === 10,
    );
    const uses = await rows.locator("td.words").allTextContents();
    expect(uses.filter((use) => use === "reference")).toHaveLength(1);
    await page.click("#about summary");
    const facts = (await page.textContent("#facts"))!;
    const [, effective] = /Effective frames([\d.]+) on average/.exec(facts)!;
    expect(Number(effective)).toBeGreaterThan(3);
    await page.click("#maps summary");
    const labels = await page
      .locator("#map-list canvas")
      .evaluateAll((all) => all.map((each) => each.getAttribute("aria-label")));
    expect(labels).toEqual([
      expect.stringMatching(/^Effective frames: from/),
      expect.stringMatching(/^Agreement: from/),
    ]);
    const colors = await page
      .locator("#map-list canvas")
      .evaluateAll((all) => all.map((each) => (each as HTMLCanvasElement).width));
    expect(Math.min(...colors)).toBeGreaterThan(1);
  });

  it("never held the page up", () => {
    const longest = longestTask(trace);
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThanOrEqual(LONGEST_TASK_MS);
  });

  it("asked nobody but its own host, and nothing went wrong", () => {
    expect(visit.requests.length).toBeGreaterThan(10);
    expect(
      visit.requests.filter(
        (address) => !address.startsWith(site.url) && !address.startsWith("blob:"),
      ),
    ).toEqual([]);
    expect(visit.errors).toEqual([]);
  });
});

describe("on WebGPU, which SwiftShader computes", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch("software GPU");
  });
  afterAll(() => browser.close());

  it("gives work to the GPU, passes the self-test and makes the picture that WASM makes", async () => {
    const { page, errors, close } = await opened(browser, site.url);
    const frames = await wavesBurst(2);
    const pictures: Buffer[] = [];
    for (const way of ["webgpu fp32", "wasm fp32"]) {
      await processor(page, way);
      await choose(page, frames);
      expect(await finished(page)).toContain("96×64 → 192×128 px from 2 of 2 frames");
      pictures.push(await saved(page));
    }
    expect(textsIn(pictures[0]!)["Processor"]).toBe("WebGPU fp32");
    expect(await psnr(page, pictures[0]!, pictures[1]!)).toBeGreaterThan(50);
    const row = page.locator("#tests tbody tr", { hasText: "WebGPU fp32" });
    expect(await row.locator("td").first().textContent()).toBe("passes");
    const [decibels, gate, , dispatches] = await numbersOf(row);
    expect(decibels).toBeGreaterThan(gate!);
    // WASM gives the same numbers: only work given to the GPU shows that it computed.
    expect(dispatches).toBeGreaterThan(0);
    expect(errors).toEqual([]);
    await close();
  }, 240_000);
});

describe("on WebGPU in halves, which SwiftShader computes", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch("software GPU");
  });
  afterAll(() => browser.close());

  it("is not taken though every graph passes: a golden burst comes out otherwise", async () => {
    const { page, close } = await opened(browser, site.url);
    await processor(page, "webgpu fp16");
    await choose(page, await wavesBurst(2));
    // Software takes its time for a whole burst.
    expect(await message(page, 600_000)).toMatch(
      /^WebGPU fp16 does not do here \(the burst 'usual': the frames merged: .*\); choose another processor\.$/,
    );
    await close();
  }, 660_000);
});

describe("more of it", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch("no GPU");
  });
  afterAll(() => browser.close());

  it("takes the fastest processor that passes", async () => {
    const { page, close } = await opened(browser, site.url);
    await tested(page);
    const rows = await page
      .locator("#tests tbody tr")
      .evaluateAll((all) =>
        all.map((row) => [...row.children].map(({ textContent }) => textContent)),
      );
    const passing = rows
      .filter((row) => row[1] === "passes")
      .sort((one, other) => Number(one[4]) - Number(other[4]));
    expect(rows).toHaveLength(2);
    expect(await page.textContent("#why")).toMatch(new RegExp(`^${passing[0]![0]} passes`));
    expect(await page.locator("#processor option[disabled]").textContent()).toMatch(/^WebGPU: /);
    await close();
  });

  it("enhances one picture by a model for such, loaded when it is wanted", async () => {
    const { page, close } = await opened(browser, site.url);
    const models = await page
      .locator("#model option")
      .evaluateAll((all) => all.map((each) => (each as HTMLOptionElement).value));
    expect(models).toEqual([
      "burst_zoom_x2.zip",
      "denoise_rgb.zip",
      "sr_x2_rgb.zip",
      "sr_x4_y.zip",
    ]);
    await page.selectOption("#model", "sr_x2_rgb.zip");
    await processor(page, "wasm fp32");
    await choose(page, sampleFrames(1));
    expect(await finished(page)).toContain("286×185 → 572×370 px");
    await page.selectOption("#model", "sr_x4_y.zip");
    await processor(page, "wasm fp32");
    await page.click("#run");
    await page.waitForFunction(
      () => document.getElementById("status")?.textContent?.includes("1144×740"),
      undefined,
      { timeout: 60_000 },
    );
    await close();
  });

  it("loads less than 2 MB of its own code and its first bundle before it can begin", async () => {
    const own = await host(DIST);
    const { page, close } = await opened(browser, own.url);
    await processor(page, "wasm fp32");
    await tested(page);
    const counted = own.sent.filter(
      ({ path }) =>
        !/^\/(litert|sample)\//.test(path) &&
        (!/zip$/.test(path) || path.endsWith("/burst_zoom_x2.zip")),
    );
    expect(counted.some(({ path }) => path.endsWith("/burst_zoom_x2.zip"))).toBe(true);
    expect(counted.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(2e6);
    await close();
    await own.close();
  });
});
