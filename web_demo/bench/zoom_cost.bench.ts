/**
 * What burst zoom costs in a browser: ten frames of 1280×960 px in headless Chromium on WASM, beside
 * the SDK in native LiteRT in the same run. Writes a table.
 */
import { readdirSync, readFileSync } from "node:fs";
import { it } from "vitest";
import { open } from "../driver/tests/browser/chromium.js";
import { madeFile } from "../driver/tests/files.js";

const SIZE = [1280, 960] as const;

interface Native {
  readonly seconds: Readonly<Record<string, number>>;
  readonly wall: number;
  readonly peak_mib: number;
}

/** Most memory that any process of Chromium had so far, MiB. */
function peakMebibytes(): number {
  const peaks = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "latin1");
        if (!command.includes("--type=renderer")) return 0;
        const status = readFileSync(`/proc/${name}/status`, "latin1");
        return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
      } catch {
        return 0;
      }
    });
  return Math.max(...peaks);
}

it("is measured", { timeout: 3_600_000 }, async () => {
  const native = JSON.parse(new TextDecoder().decode(madeFile("bench.json"))) as Native;
  const steps = Object.entries(native.seconds).map(([step, s]) => `${step} ${s.toFixed(1)}`);
  const total = Object.values(native.seconds).reduce((sum, value) => sum + value, 0);
  const rows = [
    "| where | seconds | of native | peak MiB | steps |",
    "|---|---|---|---|---|",
    `| native LiteRT | ${total.toFixed(1)} | 1 | ${native.peak_mib} | ${steps.join(", ")} |`,
  ];
  for (const [name, isolated, precision] of [
    ["WASM, threads, fp32", true, "fp32"],
    ["WASM, one thread, fp32", false, "fp32"],
    ["WASM, threads, int8", true, "int8"],
  ] as const) {
    const opened = await open(isolated);
    const asked = { bundle: "burst_zoom_x2", backend: "wasm", precision } as const;
    const found = await opened.ask("zoom", asked, "bench.rgb", SIZE, "bench.rgb");
    const told = Object.entries(found.seconds).map(([step, s]) => `${step} ${s.toFixed(1)}`);
    const ratio = (found.wallSeconds / total).toFixed(2);
    const peak = peakMebibytes().toFixed(0);
    rows.push(
      `| ${name} | ${found.wallSeconds.toFixed(1)} | ${ratio} | ${peak} | ${told.join(", ")} |`,
    );
    await opened.close();
  }
  console.info(rows.join("\n"));
});
