/** Files of the page that its host does not give, or not whole: what is then said is the cause. */
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SECURITY_HEADERS } from "../../src/offline/headers";
import { launch } from "../browser";
import { type Host, host } from "../host";
import { wavesBurst } from "../pictures";
import { choose, DIST, message, PATIENCE, processor } from "./opened";

const BUNDLE = "bundles/burst_zoom_x2.zip";

let browser: Browser;
let folder: string;
let site: Host | undefined;
beforeAll(async () => {
  browser = await launch("no GPU");
});
afterAll(() => browser.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "page-"));
  cpSync(DIST, folder, { recursive: true });
});
afterEach(async () => {
  await site?.close();
  rmSync(folder, { recursive: true });
});

async function visited(fallback?: string): Promise<Page> {
  site = await host(folder, { ...SECURITY_HEADERS }, fallback);
  const page = await browser.newPage();
  await page.goto(site.url);
  return page;
}

async function ready(fallback?: string): Promise<Page> {
  const page = await visited(fallback);
  await page.waitForFunction(() => document.getElementById("status")?.textContent === "Ready.");
  return page;
}

/** What is said of a burst, with the fastest processor that passes. */
async function saidOf(page: Page): Promise<string> {
  await choose(page, await wavesBurst(2));
  await page.waitForFunction(
    () => document.getElementById("status")?.textContent === "Stopped.",
    undefined,
    { timeout: PATIENCE },
  );
  return message(page);
}

function change(path: string, made: (content: Buffer) => Buffer): void {
  writeFileSync(join(folder, path), made(readFileSync(join(folder, path))));
}

describe("a bundle", () => {
  it("that is damaged, or cut off, is told before anything computes", async () => {
    const page = await ready();
    change(BUNDLE, (content) => {
      content[content.length >> 1]! ^= 1;
      return content;
    });
    expect(await saidOf(page)).toBe(
      `${BUNDLE} has not the SHA-256 of the list of models: it is damaged or of another build; load the page anew.`,
    );
    truncateSync(join(folder, BUNDLE), 1000);
    expect(await saidOf(page)).toMatch(/burst_zoom_x2\.zip has 1000 bytes, not \d+: it is damaged/);
    // Nothing was tested, and so nothing is said of a processor.
    expect(await page.locator("#tests tbody tr").count()).toBe(0);
    await page.close();
  });

  it("that the page cannot use is told by what its reader says", async () => {
    const other = readFileSync(join(folder, "bundles/sr_x4_y.zip")).subarray(0, 2000);
    change(BUNDLE, () => other);
    change("bundles/index.json", (content) => {
      const entries = JSON.parse(content.toString()) as Record<string, unknown>[];
      const sha256 = createHash("sha256").update(other).digest("hex");
      Object.assign(entries[0]!, { bytes: other.length, sha256 });
      return Buffer.from(JSON.stringify(entries));
    });
    const page = await ready();
    expect(await saidOf(page)).toMatch(/^bundles\/burst_zoom_x2\.zip cannot be used: this zip /);
    await page.close();
  });
});

describe("a runtime", () => {
  const parts = (suffix: string): readonly string[] =>
    readdirSync(join(folder, "litert"))
      .filter((name) => name.endsWith(suffix))
      .map((name) => join(folder, "litert", name));

  it.each([
    ["scripts", ".js", "cannot be loaded (TypeError: Failed to fetch dynamically imported"],
    ["binaries", ".wasm", ".wasm cannot be loaded (the host answers 404)"],
  ])(
    "without its %s ends in that line, whichever processor is asked for",
    async (_, suffix, line) => {
      for (const path of parts(suffix)) unlinkSync(path);
      const page = await ready();
      const said = await saidOf(page);
      expect(said).toContain(line);
      expect(said).toMatch(/; check the connection and load the page anew\.$/);
      await processor(page, "wasm fp32");
      expect(await saidOf(page)).toContain(line);
      await page.close();
    },
  );

  it("that is cut off ends in that line", async () => {
    for (const path of parts(".wasm")) truncateSync(path, 5000);
    const page = await ready();
    expect(await saidOf(page)).toContain("is damaged or cut off");
    await page.close();
  });
});

describe("the list of models", () => {
  it("that a host answers for with another page is told, and asked for again", async () => {
    const list = join(folder, "bundles/index.json");
    const content = readFileSync(list);
    unlinkSync(list);
    const page = await visited("index.html");
    const line =
      "The host sends a web page in place of bundles/index.json; serve the whole folder that make web built.";
    expect(await message(page)).toBe(line);
    await page.click("text=Dismiss");
    await choose(page, await wavesBurst(2));
    expect(await message(page)).toBe(line);
    writeFileSync(list, content);
    await choose(page, await wavesBurst(2));
    await page.waitForSelector("#progress:not([hidden])", { timeout: PATIENCE });
    await page.close();
  });

  it.each([
    ["cut off", (content: Buffer) => content.subarray(0, 300), /is damaged or cut off; load/],
    ["of something else", () => Buffer.from('[{"file":"../x"}]'), /is no list of models; build/],
    ["empty", () => Buffer.from("[]"), /built without models; run make web/],
  ] as const)("that is %s is told", async (_, made, line) => {
    change("bundles/index.json", made);
    const page = await visited();
    expect(await message(page)).toMatch(line);
    await page.close();
  });
});
