/** What goes wrong, and what the page then says and keeps. */
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launch } from "../browser";
import { type Host, host } from "../host";
import { hugePng, pdf, waves, wavesBurst } from "../pictures";
import {
  begun,
  choose,
  DIST,
  drop,
  finished,
  message,
  type Opened,
  opened,
  processor,
  sampleFrames,
} from "./opened";

let site: Host;
let browser: Browser;
let visit: Opened;

beforeAll(async () => {
  site = await host(DIST);
  browser = await launch("no GPU");
});
afterAll(async () => {
  await browser.close();
  await site.close();
});
beforeEach(async () => {
  visit = await opened(browser, site.url);
  await processor(visit.page, "wasm fp32");
});
afterEach(async () => {
  expect(visit.errors).toEqual([]);
  await visit.close();
});

describe("files that cannot be taken", () => {
  it("are each named, and the picture that is there stays", async () => {
    const { page } = visit;
    await choose(page, await wavesBurst(3));
    await finished(page);
    const caption = await page.textContent("#caption");
    const others = [...(await wavesBurst(2)), await waves("zz-other.png", 64, 96)];
    const broken = { ...(await waves("broken.png", 96, 64)), name: "broken.png" };
    const bad = [
      [await wavesBurst(60, 40, 40), "60 frames are too many; give at most 48."],
      [
        others,
        "zz-other.png has 64×96 px, wave-1.png 96×64; give frames of one burst, all of one size.",
      ],
      [[pdf("photo.jpg")], "photo.jpg: is a PDF; give JPEG, PNG, WebP or HEIC pictures."],
      [
        [hugePng("huge.png", 12000, 9000)],
        "huge.png has 108 megapixels; give pictures of at most 50.",
      ],
      [[await waves("speck.png", 31, 31)], "speck.png has 31×31 px; give at least 32×32."],
      [
        [{ ...broken, buffer: broken.buffer.subarray(0, 20) }],
        "broken.png: this PNG file is cut off or damaged; give another.",
      ],
    ] as const;
    for (const [files, line] of bad) {
      await drop(page, files);
      await page.waitForFunction(
        (expected) => document.querySelector("#message p")?.textContent === expected,
        line,
      );
      expect(await page.textContent("#caption")).toBe(caption);
      expect(await page.isVisible("#pictures")).toBe(true);
      expect(await page.isEnabled("#run")).toBe(true);
    }
    await page.click("#message button");
    expect(await page.textContent("#message")).toBe("");
  });

  it("are said to be damaged when only decoding shows it", async () => {
    const { page } = visit;
    const whole = await waves("half.png", 96, 64);
    await choose(page, [
      { ...whole, buffer: Buffer.concat([whole.buffer.subarray(0, 40), Buffer.alloc(400)]) },
    ]);
    await page.waitForFunction(
      (line) => document.querySelector("#message p")?.textContent === line,
      "half.png: this browser cannot decode it; give it as JPEG or PNG.",
    );
    expect(await page.isVisible("#progress")).toBe(false);
  });

  it("may be nothing at all, such as dropped text", async () => {
    await drop(visit.page, []);
    expect(await message(visit.page)).toBe(
      "Nothing to work on: give pictures, not folders or text.",
    );
  });
});

it("enlarges one frame, and says that there is nothing to merge", async () => {
  const { page } = visit;
  await choose(page, sampleFrames(1));
  expect(await message(page)).toContain("One frame alone");
  expect(await finished(page)).toContain("from 1 of 1 frames");
  expect(await page.textContent("#facts")).toContain("Effective frames1.0 on average");
});

describe("while a burst is in work", () => {
  it("cancels cleanly, and begins anew", async () => {
    const { page } = visit;
    await begun(page);
    await page.click("#cancel");
    await page.waitForFunction(
      () => document.getElementById("status")?.textContent === "Cancelled.",
    );
    expect(await page.isVisible("#progress")).toBe(false);
    expect(await page.isVisible("#cancel")).toBe(false);
    expect(await page.title()).toBe("Burst zoom");
    await page.click("#run");
    expect(await finished(page)).toContain("572×370");
  });

  it("keeps on when others are dropped, and offers to change over", async () => {
    const { page } = visit;
    await begun(page);
    await drop(page, await wavesBurst(3));
    expect(await message(page)).toContain("Other pictures are in work; they go on.");
    expect(await page.isVisible("#progress")).toBe(true);
    await page.click("text=Cancel them and take the new ones");
    await page.waitForFunction(
      () => document.getElementById("status")?.textContent?.includes("192×128"),
      undefined,
      { timeout: 60_000 },
    );
  });

  it("keeps on when bad files are dropped", async () => {
    const { page } = visit;
    await begun(page);
    await drop(page, [pdf("photo.jpg")]);
    expect(await message(page)).toContain("is a PDF");
    expect(await finished(page)).toContain("572×370");
  });

  it("goes on while the tab is hidden, says so, and outlives a pause by the browser", async () => {
    const { page } = visit;
    await begun(page);
    // Playwright holds its pages visible: that this one is hidden is told to it.
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
      Reflect.deleteProperty(document, "hidden");
    });
    expect(await message(page)).toContain("The work goes on while this tab is hidden");
    const session = await page.context().newCDPSession(page);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await session.send("Page.setWebLifecycleState", { state: "active" });
    expect(await finished(page)).toContain("572×370");
  });
});
