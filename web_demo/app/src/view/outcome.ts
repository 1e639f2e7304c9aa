/** A finished picture in words: facts for the page, and texts for its PNG. */

import { version } from "../../package.json";
import type { Outcome } from "../jobs/session";
import { labelOf } from "../jobs/ways";
import { rangeOf } from "../pictures/heatmap";
import type { PngTexts } from "../pictures/png";

/** Where a picture comes from, by name. */
export function factsOf(outcome: Outcome): Readonly<Record<string, string>> {
  const { intake, entry, way, width, height, zoomed, seconds } = outcome;
  const count = intake.pictures.length;
  const facts: Record<string, string> = {
    Given: `${count === 1 ? "one picture" : `${count} frames`} of ${intake.width}×${intake.height} px`,
    Result: `${width}×${height} px`,
    Model: entry.name,
    Processor: labelOf(way),
    Time: `${seconds.toFixed(1)} s`,
  };
  if (!zoomed) return facts;
  const { mean, most } = rangeOf(zoomed.weightMap.data);
  const steps = Object.entries(zoomed.seconds).map(([step, took]) => `${step} ${took.toFixed(1)}`);
  return {
    ...facts,
    Time: `${seconds.toFixed(1)} s (${steps.join(", ")})`,
    Reference: `${intake.pictures[zoomed.reference]?.name} (frame ${zoomed.reference})`,
    "Effective frames": `${mean.toFixed(1)} on average, ${most.toFixed(1)} at most`,
    "Noise of a frame": `${(255 * zoomed.noise.std).toFixed(1)} levels of 255`,
    "Blur of the lens": `${zoomed.lensPx.toFixed(2)} px`,
    "Hot pixels mended": String(zoomed.hotPixels),
  };
}

/** The line under a picture. */
export function captionOf({ intake, width, height, zoomed, seconds }: Outcome): string {
  const size = `${intake.width}×${intake.height} → ${width}×${height} px`;
  const used = zoomed ? ` ${fromFrames({ intake, zoomed })}` : "";
  return `${size}${used}, ${seconds.toFixed(1)} s`;
}

/** How many of the frames that were given are in a picture. */
export function fromFrames({ intake, zoomed }: Pick<Outcome, "intake" | "zoomed">): string {
  const given = intake.pictures.length;
  if (!zoomed || given === 1) return "from one frame";
  return `from ${usedIn(zoomed)} of ${given} frames`;
}

/** What the PNG says of itself. Names of files stay on the device. */
export function textsOf({ intake, entry, way, zoomed }: Outcome): PngTexts {
  const texts: Record<string, string> = {
    Software: `edge-sdk burst zoom in a browser ${version}`,
    Model: `${entry.name}, bundle SHA-256 ${entry.sha256}`,
    Processor: labelOf(way),
  };
  if (!zoomed) return texts;
  return {
    ...texts,
    "Frames used": `${usedIn(zoomed)} of ${intake.pictures.length}`,
    "Reference frame": `${zoomed.reference}, counted from 0`,
    "Effective frames": rangeOf(zoomed.weightMap.data).mean.toFixed(2),
  };
}

function usedIn({ frames }: NonNullable<Outcome["zoomed"]>): number {
  return frames.filter(({ used }) => used).length;
}
