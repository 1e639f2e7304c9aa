/** The page without its host, with full storage, and held to its own host. */
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SECURITY_HEADERS } from "../../src/offline/headers";
import { launch } from "../browser";
import { host } from "../host";
import { wavesBurst } from "../pictures";
import { choose, DIST, finished, opened, processor } from "./opened";

let browser: Browser;
beforeAll(async () => {
  browser = await launch("no GPU");
});
afterAll(() => browser.close());

it("works without its host after the first visit, and is isolated though the host does nothing for it", async () => {
  const site = await host(DIST);
  const { page, close } = await opened(browser, site.url);
  await page.waitForFunction(
    () => document.getElementById("offline")?.textContent === "Works offline.",
  );
  await site.close();
  await page.reload();
  await page.waitForFunction(() => document.getElementById("status")?.textContent === "Ready.");
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await processor(page, "wasm fp32");
  await page.click("#sample");
  expect(await finished(page)).toContain("572×370");
  await page.selectOption("#model", "denoise_rgb.zip");
  await processor(page, "wasm fp32");
  await choose(page, await wavesBurst(1, 160, 130));
  expect(await finished(page)).toContain("160×130 → 160×130");
  await close();
});

it("takes a new build from its host, and lets go of the old one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  cpSync(DIST, folder, { recursive: true });
  const site = await host(folder);
  const { page, close } = await opened(browser, site.url);
  await page.waitForFunction(
    () => document.getElementById("offline")?.textContent === "Works offline.",
  );
  const kept = (): Promise<readonly string[]> =>
    page.evaluate(async () =>
      (await (await caches.open("burst-zoom")).keys()).map(({ url }) => url),
    );
  const old = await kept();
  const [html, worker] = [join(folder, "index.html"), join(folder, "sw.js")];
  const newer = readFileSync(html, "utf8").replace("<h1>Burst zoom</h1>", "<h1>Newer</h1>");
  const digest = createHash("sha256").update(newer).digest("hex").slice(0, 16);
  writeFileSync(html, newer);
  const list = readFileSync(worker, "utf8");
  writeFileSync(worker, list.replace(/(?<="index.html","digest":")\w+/, digest));
  const sent = site.sent.length;
  const heading = async (): Promise<string | null> => {
    await page.reload();
    return page.textContent("h1");
  };
  await expect.poll(heading, { interval: 5000, timeout: 60_000 }).toBe("Newer");
  await expect.poll(kept).toContain(`${site.url}?${digest}`);
  const changed = (await kept()).filter((key) => !old.includes(key));
  expect(changed).toEqual([`${site.url}?${digest}`]);
  expect(await kept()).toHaveLength(old.length);
  const again = site.sent.slice(sent).map(({ path }) => path);
  expect(again.filter((path) => !["/", "/index.html", "/sw.js"].includes(path))).toEqual([]);
  await close();
  await site.close();
  rmSync(folder, { recursive: true });
});

it("says what it cannot keep where storage is full, and works on", async () => {
  const site = await host(DIST, { ...SECURITY_HEADERS });
  const context = await browser.newContext();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", {
    origin: new URL(site.url).origin,
    quotaSize: 200_000,
  });
  await page.goto(site.url);
  await page.waitForFunction(() =>
    document.getElementById("offline")?.textContent?.includes("storage is full"),
  );
  await processor(page, "wasm fp32");
  await choose(page, await wavesBurst(2));
  expect(await finished(page)).toContain("192×128");
  await context.close();
  await site.close();
});

it("lets neither the page nor its workers talk to another host", async () => {
  const [site, other] = [await host(DIST), await host(DIST)];
  const { page, close } = await opened(browser, site.url);
  const blocked = (address: string): Promise<string> =>
    fetch(address, { mode: "no-cors" }).then(
      () => "let through",
      (error: unknown) => String(error),
    );
  expect(await page.evaluate(blocked, other.url)).toContain("Failed to fetch");
  expect(page.workers().length).toBeGreaterThan(0);
  for (const worker of page.workers())
    expect(await worker.evaluate(blocked, other.url)).toContain("Failed to fetch");
  expect(other.sent).toEqual([]);
  await close();
  await Promise.all([site.close(), other.close()]);
});
