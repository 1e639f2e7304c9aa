/** Where pictures come from: the camera, the clipboard, files of other formats. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "../browser";
import { type Host, host } from "../host";
import { waves } from "../pictures";
import { choose, DIST, finished, message, opened, PATIENCE, processor } from "./opened";

let site: Host;
beforeAll(async () => {
  site = await host(DIST);
});
afterAll(() => site.close());

describe("with a camera of Chromium's own", () => {
  let browser: Browser;
  beforeAll(async () => {
    const camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    browser = await launch("no GPU", camera);
  });
  afterAll(() => browser.close());

  it("takes ten frames, says what it could not hold still, and begins with them", async () => {
    const { page, close } = await opened(browser, site.url);
    await processor(page, "wasm fp32");
    await page.click("#camera");
    await page.waitForSelector("#shoot:not([disabled])");
    // That camera has two of the three.
    const locks = await page.textContent("#locks");
    expect(locks).toContain("Held while the burst is taken: exposure, focus.");
    expect(locks).toContain("does not let the page hold white balance.");
    await page.click("#shoot");
    await page.waitForSelector("#camera-dialog", { state: "hidden" });
    await page.waitForSelector("#steps .done", { timeout: PATIENCE });
    await page.click("#frames summary");
    expect(await page.textContent("#frames caption")).toBe("10 given");
    await page.click("#cancel");
    await page.waitForFunction(
      () => document.getElementById("status")?.textContent === "Cancelled.",
    );
    const live = await page.evaluate(() => document.querySelector("video")!.srcObject);
    expect(live).toBeNull();
    await close();
  });

  it("is let go of when the dialog is closed by Escape", async () => {
    const { page, close } = await opened(browser, site.url);
    await page.click("#camera");
    await page.waitForSelector("#shoot:not([disabled])");
    const ended = await page.evaluateHandle(() => {
      const stream = document.querySelector("video")!.srcObject as MediaStream;
      return stream.getVideoTracks()[0]!;
    });
    await page.keyboard.press("Escape");
    expect(await ended.evaluate((track) => track.readyState)).toBe("ended");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("camera");
    await close();
  });
});

describe("without a camera", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch("no GPU");
  });
  afterAll(() => browser.close());

  it("says so", async () => {
    const { page, close } = await opened(browser, site.url);
    await page.click("#camera");
    expect(await message(page)).toMatch(/camera.*choose pictures/);
    expect(await page.isVisible("#camera-dialog")).toBe(false);
    await close();
  });

  it("takes what is pasted", async () => {
    const { page, close } = await opened(browser, site.url);
    await processor(page, "wasm fp32");
    const base64 = (await waves("clip.png", 48, 40)).buffer.toString("base64");
    await page.evaluate((text) => {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([bytes], "image.png", { type: "image/png" }));
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    }, base64);
    expect(await finished(page)).toContain("48×40 → 96×80 px");
    await close();
  });

  it("puts what is transparent on white, before as after", async () => {
    const { page, close } = await opened(browser, site.url, { colorScheme: "dark" });
    await processor(page, "wasm fp32");
    const written = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(64, 64);
      const paint = canvas.getContext("2d")!;
      paint.fillStyle = "rgb(200 30 30 / 50%)";
      paint.fillRect(32, 0, 32, 64);
      return Array.from(new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer()));
    });
    await choose(page, [
      { name: "clear.png", mimeType: "image/png", buffer: Buffer.from(written) },
    ]);
    await finished(page);
    const colors = await page.evaluate(() => {
      return ["before", "after"].map((id) => {
        const shown = document.getElementById(id) as HTMLCanvasElement;
        const paint = new OffscreenCanvas(shown.width, shown.height).getContext("2d")!;
        paint.drawImage(shown, 0, 0);
        return [0.2, 0.8].map((x) => {
          const place = [Math.round(x * shown.width), shown.height >> 1, 1, 1] as const;
          return Array.from(paint.getImageData(...place).data);
        });
      });
    });
    for (const [clear, tinted] of colors as [number[], number[]][]) {
      for (const value of clear) expect(value).toBeGreaterThanOrEqual(254);
      for (const [at, value] of [228, 143, 143, 255].entries())
        expect(Math.abs(tinted[at]! - value)).toBeLessThanOrEqual(3);
    }
    await close();
  });

  it.each(["image/jpeg", "image/webp"])("takes %s as a browser writes it", async (mimeType) => {
    const { page, close } = await opened(browser, site.url);
    await processor(page, "wasm fp32");
    const written = await page.evaluate(async (type) => {
      const canvas = new OffscreenCanvas(60, 44);
      const paint = canvas.getContext("2d")!;
      for (let x = 0; x < 60; x++) {
        paint.fillStyle = `hsl(${6 * x} 60% 50%)`;
        paint.fillRect(x, x % 7, 1, 30);
      }
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer());
      return Array.from(bytes);
    }, mimeType);
    await choose(page, [{ name: "canvas", mimeType, buffer: Buffer.from(written) }]);
    expect(await finished(page)).toContain("60×44 → 120×88 px");
    await close();
  });
});
