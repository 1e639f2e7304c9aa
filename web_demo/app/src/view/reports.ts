/** What came of a burst, in tables and maps: frames, where light was gathered, provenance. */
import type { FrameReport, PlaceMap, Zoomed } from "@edge-sdk/burst-driver";
import { type Heat, LEGEND, rangeOf } from "../pictures/heatmap";
import { byId, make, show } from "./dom";
import { type Cell, fill, type Row } from "./table";

const HEADS: readonly Cell[] = [
  { content: "Frame", kind: "title" },
  { content: "Use" },
  { content: "Sharpness", kind: "number" },
  { content: "Motion, px", kind: "number" },
  { content: "Agreement", kind: "number" },
  { content: "Light, stops", kind: "number" },
];

/** The table of frames. Before a zoom, reports are missing and only names are shown. */
export function showFrames(
  names: readonly string[],
  thumbnails: ReadonlyMap<number, HTMLCanvasElement>,
  zoomed?: Pick<Zoomed, "frames">,
): void {
  const rows = names.map((name, index): Row => {
    const report = zoomed?.frames.find((each) => each.index === index);
    const canvas = thumbnails.get(index);
    const title = make("span", { className: "title", children: canvas ? [canvas] : [] });
    title.append(make("span", { text: `${index} · ${name}` }));
    return {
      className: report && !report.used ? "out" : "",
      cells: [
        { content: title, kind: "title" },
        { content: report ? useOf(report) : "", kind: "words" },
        { content: report ? report.score.toPrecision(3) : "", kind: "number" },
        { content: report ? motionOf(report) : "", kind: "number" },
        {
          content: report?.agreement === undefined ? "" : `${Math.round(100 * report.agreement)} %`,
          kind: "number",
        },
        { content: report ? lightOf(report) : "", kind: "number" },
      ],
    };
  });
  const details = byId("frames", HTMLDetailsElement);
  details.hidden = names.length === 0;
  const table = details.querySelector("table");
  const used = zoomed?.frames.filter((frame) => frame.used).length;
  const given = names.length === 1 ? "One frame" : `${names.length} given`;
  const isPlain = used === undefined || names.length === 1;
  const caption = isPlain ? given : `${used} of ${names.length} used; frames are counted from 0`;
  if (table) fill(table, caption, HEADS, rows);
}

function useOf({ isReference, used, reason }: FrameReport): string {
  if (isReference) return "reference";
  return used ? "merged" : `left out: ${reason}`;
}

function motionOf({ shift, isReference }: FrameReport): string {
  if (isReference) return "0.0, 0.0";
  return shift ? shift.map((px) => (Math.round(10 * px) / 10 || 0).toFixed(1)).join(", ") : "";
}

function lightOf({ light, used }: FrameReport): string {
  if (light === undefined) return used ? "same" : "";
  return `${light > 0 ? "+" : ""}${light.toFixed(2)}`;
}

/** The maps of a zoom as pictures, with their ends in numbers. */
export async function showMaps(
  { agreementMap, weightMap }: Pick<Zoomed, "agreementMap" | "weightMap">,
  paint: (heat: Heat) => Promise<ImageBitmap>,
): Promise<void> {
  const frames = Math.max(1, rangeOf(weightMap.data).most);
  const figures = [
    await figure(
      "Effective frames",
      "How many frames' worth of samples each place received.",
      weightMap,
      frames,
      (value) => value.toFixed(1),
      paint,
    ),
    await figure(
      "Agreement",
      "How far the other frames show what the reference shows. In dark places they differ from it by more than noise is thought to explain, be it that something moved, that light changed or that noise is stronger there; they are held back, so that no ghosts appear.",
      agreementMap,
      1,
      (value) => `${Math.round(100 * value)} %`,
      paint,
    ),
  ];
  byId("map-list", HTMLDivElement).replaceChildren(...figures);
  byId("maps", HTMLDetailsElement).hidden = false;
}

async function figure(
  title: string,
  meaning: string,
  map: PlaceMap,
  most: number,
  worded: (value: number) => string,
  paint: (heat: Heat) => Promise<ImageBitmap>,
): Promise<HTMLElement> {
  const range = rangeOf(map.data);
  const words = `from ${worded(range.least)} to ${worded(range.most)}, ${worded(range.mean)} on average`;
  const canvas = make("canvas", {
    attributes: { role: "img", "aria-label": `${title}: ${words}` },
  });
  show(canvas, await paint({ ...map, most }));
  const legend = make("div", { className: "legend", attributes: { "aria-hidden": "true" } });
  legend.style.background = `linear-gradient(to right, ${LEGEND})`;
  const ends = make("div", {
    className: "ends",
    attributes: { "aria-hidden": "true" },
    children: [make("span", { text: worded(0) }), make("span", { text: worded(most) })],
  });
  const caption = make("figcaption", { text: `${title}, ${words}. ${meaning}` });
  return make("figure", { children: [canvas, legend, ends, caption] });
}

/** Facts by name. */
export function showFacts(facts: Readonly<Record<string, string>>): void {
  const list = byId("facts", HTMLDListElement);
  list.replaceChildren(
    ...Object.entries(facts).flatMap(([name, fact]) => [
      make("dt", { text: name }),
      make("dd", { text: fact }),
    ]),
  );
  byId("about", HTMLDetailsElement).hidden = false;
}

/** Take everything of an earlier zoom off the page. */
export function hideReports(): void {
  byId("about", HTMLDetailsElement).hidden = true;
  byId("maps", HTMLDetailsElement).hidden = true;
}
