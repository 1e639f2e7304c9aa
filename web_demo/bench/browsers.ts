/** What a browser is asked beside the work: its memory, and how long its page was held up. */
import { readdirSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";

/** Most memory that any page of the browsers that this process runs had so far, MiB. */
export function peakMebibytes(): number {
  const parents = new Map(processes().map(({ id, parent }) => [id, parent]));
  const isOurs = (id: number): boolean => {
    for (let at: number | undefined = id; at !== undefined && at > 1; at = parents.get(at))
      if (at === process.pid) return true;
    return false;
  };
  const peaks = processes()
    .filter(({ id, isPage }) => isPage && isOurs(id))
    .map(({ peakMib }) => peakMib);
  return Math.max(0, ...peaks);
}

interface Running {
  readonly id: number;
  readonly parent: number;
  readonly isPage: boolean;
  readonly peakMib: number;
}

function processes(): readonly Running[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, "latin1");
        const of = (key: string): number =>
          Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
        const isPage = readFileSync(`/proc/${name}/cmdline`, "latin1").includes("--type=renderer");
        return [{ id: Number(name), parent: of("PPid"), isPage, peakMib: of("VmHWM") / 1024 }];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}

/** Watches the page's own thread from now on, by the clock: what waits for a busy machine counts. */
export async function watchTasks(page: Page): Promise<{ longest(): Promise<number> }> {
  await page.evaluate(() => {
    const scope = window as unknown as { longestTaskMs: number };
    scope.longestTaskMs = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries())
        scope.longestTaskMs = Math.max(scope.longestTaskMs, duration);
    }).observe({ type: "longtask" });
  });
  return {
    longest: () =>
      page.evaluate(() => (window as unknown as { longestTaskMs: number }).longestTaskMs),
  };
}
