/** The figures as a page of the documentation. */

/** What the SDK took in native LiteRT. */
export interface Native {
  readonly runtime: string;
  readonly seconds: Readonly<Record<string, number>>;
  readonly wall: number;
  readonly peak_mib: number;
}

/** What a browser took. */
export interface Row {
  readonly name: string;
  readonly precision: "fp32" | "int8";
  readonly seconds: number;
  /** Seconds by step; none where they are not told. */
  readonly steps: Readonly<Record<string, number>>;
  readonly peakMib: number;
  /** The longest task of the page's own thread by the clock, 0 below 50 ms; of the page alone. */
  readonly longestTaskMs?: number;
  /** How near its picture is to the SDK's, where that is compared. */
  readonly decibels?: number;
}

export interface Circumstances {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly cores: number;
  readonly load: number;
  readonly browser: string;
}

/** A page with a table. */
export function pageOf(
  { frames, width, height, cores, load, browser }: Circumstances,
  native: Readonly<Record<"fp32" | "int8", Native>>,
  rows: readonly Row[],
): string {
  const size = frames === 1 ? "One frame" : `${frames} frames`;
  const lines = (["fp32", "int8"] as const).map((precision) => {
    const { runtime, seconds, wall, peak_mib } = native[precision];
    return cells(`the SDK, ${runtime}`, precision, wall, 1, peak_mib, "", "", stepsOf(seconds));
  });
  for (const row of rows) {
    const ratio = row.seconds / native[row.precision].wall;
    const longest = tasksOf(row.longestTaskMs);
    const near = row.decibels === undefined ? "" : row.decibels.toFixed(1);
    const steps = stepsOf(row.steps);
    lines.push(
      cells(row.name, row.precision, row.seconds, ratio, row.peakMib, longest, near, steps),
    );
  }
  return `# Burst zoom in a browser

${size} of ${width}×${height} px, simulated, zoomed ×2 by the bundle \`burst_zoom_x2\`: by the SDK in native LiteRT, by the
[driver for browsers](../guide/browser.md) in headless Chromium ${browser}, and by the page, files read and pictures drawn included. All in
one run on ${cores} cores with a load of up to ${load}: seconds mean something beside each other alone. \`make bench-web\` makes this page
again; \`SIZE=320x240 FRAMES=4 TABLE=out.md\` make a small one.

| where | precision | seconds | of native | peak MiB | longest task of the page, ms | dB to native | seconds by step |
|---|---|---|---|---|---|---|---|
${lines.join("\n")}

Neither uses fields of motion, which browsers do not have. Peak memory is the resident set of the process that computes, Python and
PyTorch in it, or the page with its workers. A task of the page's own thread is timed by the clock (\`PerformanceObserver\`, \`longtask\`),
so that a busy machine makes it longer; dB compare 8-bit values with those of the SDK in the same precision.
`;
}

function cells(
  name: string,
  precision: string,
  seconds: number,
  ratio: number,
  peakMib: number,
  ...more: readonly string[]
): string {
  const figures = [seconds.toFixed(1), ratio.toFixed(2), peakMib.toFixed(0)];
  return `| ${[name, precision, ...figures, ...more.map((each) => each || "—")].join(" | ")} |`;
}

function tasksOf(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "";
  return milliseconds > 0 ? milliseconds.toFixed(0) : "below 50";
}

function stepsOf(seconds: Readonly<Record<string, number>>): string {
  return Object.entries(seconds)
    .map(([step, took]) => `${step} ${took.toFixed(1)}`)
    .join(", ");
}
