/** What goes wrong, and what the page then says and keeps. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launch } from "../browser";
import { type Host, host } from "../host";
import { type GivenFile, hugePng, pdf, waves, wavesBurst } from "../pictures";
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

/** A picture as the browser itself writes it. */
async function written(page: Page, mimeType: string): Promise<GivenFile> {
  const bytes = await page.evaluate(async (type) => {
    const canvas = new OffscreenCanvas(160, 120);
    const paint = canvas.getContext("2d")!;
    for (let at = 0; at < 4000; at++) {
      paint.fillStyle = `hsl(${(at * 37) % 360} 60% ${20 + (at % 60)}%)`;
      paint.fillRect((at * 53) % 160, (at * 71) % 120, 3, 5);
    }
    return Array.from(new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer()));
  }, mimeType);
  return { name: "canvas", mimeType, buffer: Buffer.from(bytes) };
}

/** Wait until the message is a line. */
async function said(page: Page, line: string): Promise<void> {
  await page
    .waitForFunction(
      (expected) => document.querySelector("#message p")?.textContent === expected,
      line,
      { timeout: 30_000 },
    )
    .catch(async () => expect(await page.textContent("#message")).toBe(line));
}

async function downloaded(page: Page): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  return readFileSync(await download.path());
}

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
        "broken.png: is damaged or cut off; give a whole copy.",
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

  it.each(["image/jpeg", "image/png", "image/webp"])(
    "are said to be damaged when only decoding shows it, in %s",
    async (type) => {
      const { page } = visit;
      const whole = await written(page, type);
      await choose(page, [{ ...whole, buffer: whole.buffer.subarray(0, whole.buffer.length / 2) }]);
      await said(page, "canvas: is damaged or cut off; give a whole copy.");
      expect(await page.isVisible("#progress")).toBe(false);
      expect(await page.isVisible("#empty")).toBe(true);
      expect(await page.isDisabled("#run")).toBe(true);
    },
  );

  it("are not said to be damaged where the browser does not know their kind", async () => {
    const { page } = visit;
    const iso = Buffer.alloc(200);
    iso.write("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1");
    iso.write("\0\0\0\x14ispe\0\0\0\0\0\0\0\x60\0\0\0\x40", 40, "latin1");
    await choose(page, [{ name: "a.heic", mimeType: "image/heic", buffer: iso }]);
    await said(
      page,
      "a.heic: this browser does not decode this HEIC file; give it as JPEG or PNG.",
    );
  });

  it("leave the finished picture, its table and its file where they are", async () => {
    const { page } = visit;
    await choose(page, await wavesBurst(3));
    await finished(page);
    await page.click("#frames summary");
    const shown = async (): Promise<readonly unknown[]> => [
      await page.textContent("#caption"),
      await page.textContent("#frames table"),
      await page.textContent("#facts"),
      await page.isVisible("#pictures"),
      await page.isVisible("#save"),
    ];
    await page.waitForFunction(() => document.querySelectorAll("#frames canvas").length === 3);
    const before = await shown();
    const png = await downloaded(page);
    const [one, other] = await wavesBurst(2, 80, 60);
    const bad = { ...other!, buffer: other!.buffer.subarray(0, other!.buffer.length / 2) };
    await choose(page, [one!, bad]);
    await said(page, "wave-2.png: is damaged or cut off; give a whole copy.");
    expect(await shown()).toEqual(before);
    expect((await downloaded(page)).equals(png)).toBe(true);
    // And the button makes what is shown, not what was refused.
    await page.click("#run");
    expect(await finished(page)).toContain("96×64 → 192×128 px");
  });

  it("may be nothing at all, such as dropped text", async () => {
    await drop(visit.page, []);
    expect(await message(visit.page)).toBe(
      "Nothing to work on: give pictures, or a folder of them.",
    );
  });
});

it("enlarges one frame, and says that there is nothing to merge", async () => {
  const { page } = visit;
  await choose(page, sampleFrames(1));
  expect(await message(page)).toContain("One frame alone");
  expect(await finished(page)).toContain("572×370 px from one frame, ");
  expect(await page.textContent("#facts")).toContain("Effective frames1.0 on average");
});

describe("a message", () => {
  it("comes into sight, and gives the focus back when it is dismissed", async () => {
    const { page } = visit;
    await page.setViewportSize({ width: 360, height: 500 });
    await page.click("#tests summary");
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.focus("#test");
    await drop(page, [pdf("photo.jpg")]);
    await said(page, "photo.jpg: is a PDF; give JPEG, PNG, WebP or HEIC pictures.");
    const [top, bottom] = await page.evaluate(() => {
      const box = document.getElementById("message")!.getBoundingClientRect();
      return [box.top, box.bottom] as const;
    });
    expect(top).toBeGreaterThanOrEqual(0);
    expect(bottom).toBeLessThanOrEqual(500);
    await page.focus("#message button");
    await page.keyboard.press("Enter");
    expect(await page.textContent("#message")).toBe("");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("test");
  });
});

describe("a folder", () => {
  /** Drop paths of this machine, as from a file manager. */
  async function dropPaths(page: Page, files: readonly string[]): Promise<void> {
    const session = await page.context().newCDPSession(page);
    const data = { items: [], files: [...files], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const)
      await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  }

  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "burst-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is read: its pictures in order of name, what else is in it named", async () => {
    const { page } = visit;
    for (const [index, { buffer }] of (await wavesBurst(3)).entries())
      writeFileSync(join(folder, `IMG_${8 + index}.png`), buffer);
    writeFileSync(join(folder, "notes.txt"), "not a picture");
    writeFileSync(join(folder, ".DS_Store"), "unseen");
    await dropPaths(page, [folder]);
    expect(await finished(page)).toContain("192×128 px from 3 of 3 frames");
    expect(await message(page)).toBe("Left out of the folder: one file that is no picture.");
    const names = await page.locator("#frames tbody th").allTextContents();
    expect(names).toEqual(["0 · IMG_8.png", "1 · IMG_9.png", "2 · IMG_10.png"]);
  });

  it("without pictures is told by its name", async () => {
    const { page } = visit;
    await dropPaths(page, [folder]);
    await said(page, `The folder ${basename(folder)} has no pictures of its own; give another.`);
    mkdirSync(join(folder, "inner"));
    await dropPaths(page, [folder]);
    await said(
      page,
      `The folder ${basename(folder)} has no pictures of its own; drop one of the folders in it.`,
    );
  });
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

  it("says of others only as long as it goes on", async () => {
    const { page } = visit;
    await begun(page);
    await drop(page, await wavesBurst(3));
    expect(await message(page)).toContain("Other pictures are in work; they go on.");
    expect(await finished(page)).toContain("572×370");
    expect(await page.textContent("#message")).toBe("");
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
