/** The page for people who see, hear or point otherwise: axe, and a walk by keyboard alone. */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "../browser";
import { type Host, host } from "../host";
import { pdf, wavesBurst } from "../pictures";
import { choose, DIST, finished, message, opened, PATIENCE, processor } from "./opened";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Where pictures of the page go with SHOTS=1; they are for looking at. */
const SHOTS = fileURLToPath(new URL("../../shots", import.meta.url));

let site: Host;
let browser: Browser;
beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  site = await host(DIST);
  browser = await launch("no GPU");
});
afterAll(async () => {
  await browser.close();
  await site.close();
});

/** Begin with a small burst, or with the sample where pictures are wanted. */
async function begin(page: Page): Promise<void> {
  if (process.env["SHOTS"]) await page.click("#sample");
  else await choose(page, await wavesBurst(10));
}

async function pictured(page: Page, name: string): Promise<void> {
  if (process.env["SHOTS"]) await page.screenshot({ path: `${SHOTS}/${name}.png` });
}

/** What axe finds, by rule and place; run through the debugger, which no policy of the page forbids. */
async function violations(page: Page): Promise<readonly string[]> {
  const found = (await page.evaluate(
    `(() => { ${AXE}; return axe.run(document); })()`,
  )) as AxeResults;
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target }) => `${id}: ${target.join(" ")}`),
  );
}

describe.each(["light", "dark"] as const)("in %s colors", (colorScheme) => {
  it.each([360, 1280])("has nothing that axe objects to at %i px, in any state", async (width) => {
    const { page, close } = await opened(browser, site.url, {
      colorScheme,
      viewport: { width, height: 800 },
    });
    const shot = (state: string): Promise<void> =>
      pictured(page, `${state}-${colorScheme}-${width}`);
    expect(await violations(page)).toEqual([]);
    await shot("empty");
    await choose(page, [pdf("photo.jpg")]);
    await message(page);
    expect(await violations(page)).toEqual([]);
    await shot("message");
    await processor(page, "wasm fp32");
    await begin(page);
    await page.waitForSelector("#steps [aria-current]", { timeout: PATIENCE });
    expect(await violations(page)).toEqual([]);
    await shot("working");
    await finished(page);
    await shot("done");
    for (const id of ["about", "frames", "maps", "tests"]) await page.click(`#${id} summary`);
    await page.click("#magnify");
    await page.waitForFunction(
      () => document.querySelectorAll("#frames tbody canvas").length === 10,
    );
    expect(await violations(page)).toEqual([]);
    await shot("magnified");
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(
      true,
    );
    // Where the panel scrolls by itself, the page does not.
    const hangs = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
    if (width === 1280) expect(hangs).toBeLessThanOrEqual(0);
    // Nor is a table cut: each is as wide as what shows it.
    const cut = await page
      .locator(".scroll")
      .evaluateAll((all) => all.filter((each) => each.scrollWidth > each.clientWidth).length);
    expect(cut).toBe(0);
    for (const id of ["frames", "tests"]) {
      await page.locator(`#${id}`).evaluate((each) => each.scrollIntoView({ block: "start" }));
      await shot(id);
    }
    await close();
  });
});

it("fits a screen of 4K, the picture as large as it lets it", async () => {
  const { page, close } = await opened(browser, site.url, {
    viewport: { width: 3840, height: 2160 },
  });
  await processor(page, "wasm fp32");
  await begin(page);
  await finished(page);
  await pictured(page, "done-light-3840");
  const [picture, stage] = [
    (await page.locator("#pictures").boundingBox())!,
    (await page.locator("#stage").boundingBox())!,
  ];
  expect(picture.width).toBeGreaterThan(0.9 * stage.width);
  expect(stage.height).toBeGreaterThan(1800);
  expect(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight)).toBe(
    true,
  );
  await close();
});

/** Move on by Tab until an element has the focus. */
async function tabTo(page: Page, id: string): Promise<void> {
  for (let steps = 0; steps < 40; steps++) {
    if (await page.evaluate((wanted) => document.activeElement?.id === wanted, id)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`#${id} is not reached by Tab`);
}

it("goes from the sample burst to a saved picture by keyboard alone", async () => {
  const { page, close } = await opened(browser, site.url);
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("choose");
  await tabTo(page, "processor");
  await page.keyboard.press("ArrowDown");
  expect(await page.inputValue("#processor")).toBe("wasm fp32");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await tabTo(page, "sample");
  await page.keyboard.press("Enter");
  await finished(page);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await tabTo(page, "divider");
  await page.keyboard.press("Home");
  expect(await page.getAttribute("#divider", "aria-valuetext")).toBe("0 % before, 100 % after");
  for (let times = 0; times < 3; times++) await page.keyboard.press("ArrowRight");
  expect(await page.getAttribute("#divider", "aria-valuetext")).toBe("3 % before, 97 % after");
  const split = await page.evaluate(
    () => getComputedStyle(document.getElementById("after")!).clipPath,
  );
  expect(split).toBe("inset(0px 0px 0px 3%)");
  await tabTo(page, "magnify");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("lens");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  expect(await page.getAttribute("#lens", "aria-label")).toContain(
    "52 % from the left, 52 % from the top",
  );
  await page.keyboard.press("Escape");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("magnify");
  await tabTo(page, "save");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.keyboard.press("Enter"),
  ]);
  expect(download.suggestedFilename()).toBe("burst-zoom.png");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  expect(
    await page.evaluate(() => document.querySelector<HTMLDetailsElement>("#about")!.open),
  ).toBe(true);
  await close();
});

it("announces steps and trouble where screen readers listen", async () => {
  const { page, close } = await opened(browser, site.url);
  await page.evaluate(() => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    new MutationObserver(() => heard.push(document.getElementById("status")!.textContent)).observe(
      document.getElementById("status")!,
      { childList: true },
    );
  });
  await processor(page, "wasm fp32");
  await choose(page, await wavesBurst(3));
  await finished(page);
  const heard = await page.evaluate(() => (window as unknown as { heard: string[] }).heard);
  for (const step of ["Score …", "Align …", "Merge …", "Enhance …"]) expect(heard).toContain(step);
  expect(heard.length).toBeLessThan(30);
  expect(await page.getAttribute("#status", "role")).toBe("status");
  expect(await page.getAttribute("#message", "role")).toBe("alert");
  await close();
});
