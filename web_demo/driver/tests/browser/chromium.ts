/** Chromium of the system, which tests drive. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Jobs } from "./page.js";
import { type Served, serve } from "./serving.js";

const PATH = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** A GPU in software, so that WebGPU runs on any machine. */
const GPU = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan,WebGPU",
  "--use-angle=swiftshader",
];

/** A page of the driver, and what it logged. */
export interface Opened {
  readonly page: Page;
  readonly browser: Browser;
  readonly log: readonly string[];
  /** Asks the page for a job. */
  ask<N extends keyof Jobs>(
    job: N,
    ...given: Parameters<Jobs[N]>
  ): Promise<Awaited<ReturnType<Jobs[N]>>>;
  close(): Promise<void>;
}

export async function open(isolated: boolean): Promise<Opened> {
  if (!existsSync(PATH)) {
    throw new Error(`${PATH} is missing: apt-get install chromium, or set CHROMIUM to its path`);
  }
  const served: Served = await serve(isolated);
  // Chromium's own sandbox does not work for root.
  const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: PATH, args: [...GPU, ...root] });
  const page = await browser.newPage();
  const log: string[] = [];
  page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => log.push(`error: ${error.message}`));
  await page.goto(served.url);
  await page.waitForFunction(() => "jobs" in window);
  return {
    page,
    browser,
    log,
    ask: (job, ...given) =>
      page.evaluate(
        ([name, asked]) => {
          const { jobs } = window as unknown as {
            jobs: Record<string, (...all: unknown[]) => never>;
          };
          return jobs[name](...asked);
        },
        [job, given] as const,
      ),
    close: async () => {
      await browser.close();
      served.close();
    },
  };
}
