/** The built page in a browser, and what tests do with it. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { GivenFile } from "../pictures";

/** The built page. */
export const DIST = fileURLToPath(new URL("../../dist", import.meta.url));

/** How long a zoom of the sample may take on a busy machine, SwiftShader included, in ms. */
export const PATIENCE = 180_000;

/** A page that is ready, and what went on in it. */
export interface Opened {
  readonly page: Page;
  /** Addresses of all requests: of the page, its workers and its service worker. */
  readonly requests: readonly string[];
  /** What went wrong and nobody caught. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/** Open the page, and wait until it is isolated and ready. */
export async function opened(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  if (!existsSync(`${DIST}/index.html`))
    throw new Error("web_demo/app/dist is not there; run make web first");
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const [requests, errors]: [string[], string[]] = [[], []];
  context.on("request", (request) => requests.push(request.url()));
  context.on("weberror", (error) => errors.push(error.error().message));
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForFunction(
    () => crossOriginIsolated && document.getElementById("status")?.textContent === "Ready.",
  );
  return { page, requests, errors, close: () => context.close() };
}

/** Give files by the dialog. */
export async function choose(page: Page, files: readonly GivenFile[]): Promise<void> {
  await page.setInputFiles("#files", [...files]);
}

/** Drop files on the page, as from a folder. */
export async function drop(page: Page, files: readonly GivenFile[]): Promise<void> {
  const given = files.map(({ name, mimeType, buffer }) => ({
    name,
    mimeType,
    base64: buffer.toString("base64"),
  }));
  await page.evaluate((all) => {
    const transfer = new DataTransfer();
    for (const { name, mimeType, base64 } of all) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type: mimeType }));
    }
    document.body.dispatchEvent(
      new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }),
    );
  }, given);
}

/** Take a processor rather than the fastest. */
export async function processor(page: Page, key: string): Promise<void> {
  await page.selectOption("#processor", key);
}

/** Wait for a picture. @returns the line below it. */
export async function finished(page: Page): Promise<string> {
  await page.waitForFunction(
    () =>
      /^(Done|Stopped|Cancelled|Not taken)/.test(
        document.getElementById("status")?.textContent ?? "",
      ),
    undefined,
    { timeout: PATIENCE },
  );
  const status = await page.textContent("#status");
  if (!status?.startsWith("Done"))
    throw new Error(`${status} ${await page.textContent("#message")}`);
  return status;
}

/** Run the self-tests by their button. */
export async function tested(page: Page): Promise<void> {
  await page.click("#tests summary");
  await page.click("#test");
  await page.waitForFunction(
    () => document.getElementById("status")?.textContent === "Tested.",
    undefined,
    { timeout: PATIENCE },
  );
}

/** The message of the page, as soon as there is one. */
export async function message(page: Page, timeout = 30_000): Promise<string> {
  await page.waitForSelector("#message p", { timeout });
  return (await page.textContent("#message p")) ?? "";
}

/** Begin with the sample burst, and wait until it is in work. */
export async function begun(page: Page): Promise<void> {
  await processor(page, "wasm fp32");
  await page.click("#sample");
  await page.waitForSelector("#steps [aria-current]", { timeout: PATIENCE });
}

/** The frames of the sample burst as files. */
export function sampleFrames(count: number): readonly GivenFile[] {
  const names = JSON.parse(readFileSync(`${DIST}/sample/index.json`, "utf8")) as readonly string[];
  return names.slice(0, count).map((name) => ({
    name,
    mimeType: "image/png",
    buffer: readFileSync(`${DIST}/sample/${name}`),
  }));
}
