/** The table of self-tests. */

import { hasNumbers } from "@edge-sdk/burst-driver";
import { labelOf, type Tested } from "../jobs/ways";
import { byId } from "./dom";
import { type Cell, fill, type Row } from "./table";

const HEADS: readonly Cell[] = [
  { content: "Processor", kind: "title" },
  { content: "Result" },
  { content: "dB", kind: "number" },
  { content: "Gate", kind: "number" },
  { content: "ms", kind: "number" },
  { content: "GPU work", kind: "number" },
];

/** Show what self-tests said, one way a line. */
export function showTests(tested: readonly Tested[]): void {
  const rows = tested.map((each): Row => {
    const head: Cell = { content: labelOf(each), kind: "title" };
    if ("failure" in each) {
      return {
        cells: [
          head,
          { content: `does not run: ${each.failure}`, kind: "words" },
          ...["", "", "", ""].map((content) => ({ content })),
        ],
      };
    }
    const { passes, reason, decibels, gate, milliseconds, dispatches } = each.test;
    return {
      cells: [
        head,
        { content: passes ? "passes" : `fails: ${reason}`, kind: "words" },
        { content: hasNumbers(each.test) ? decibels.toFixed(1) : "none", kind: "number" },
        { content: String(gate), kind: "number" },
        { content: milliseconds.toFixed(0), kind: "number" },
        { content: dispatches === undefined ? "" : String(dispatches), kind: "number" },
      ],
    };
  });
  const table = byId("tests", HTMLDetailsElement).querySelector("table");
  const caption = tested.length > 0 ? "Decibels of the vector nearest its gate" : "Not tested yet";
  if (table) fill(table, caption, tested.length > 0 ? HEADS : [], rows);
}
