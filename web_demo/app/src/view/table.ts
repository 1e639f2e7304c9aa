/** Tables with a caption and heads, filled anew as a whole. */
import { make } from "./dom";

export interface Cell {
  readonly content: string | HTMLElement;
  /** `words` may wrap; `number` stands to the right. */
  readonly kind?: "number" | "words";
}

export interface Row {
  readonly cells: readonly Cell[];
  readonly className?: string;
}

/** Fill a table; the first cell of a row is its head. */
export function fill(
  table: HTMLTableElement,
  caption: string,
  heads: readonly Cell[],
  rows: readonly Row[],
): void {
  const head = make("tr", { children: heads.map((cell) => drawn(cell, "col")) });
  const body = rows.map(({ cells, className }) =>
    make("tr", {
      className: className ?? "",
      children: cells.map((cell, at) => drawn(cell, at === 0 ? "row" : "")),
    }),
  );
  table.replaceChildren(
    make("caption", { text: caption }),
    make("thead", { children: [head] }),
    make("tbody", { children: body }),
  );
}

function drawn({ content, kind }: Cell, scope: "col" | "row" | ""): HTMLElement {
  const children = [typeof content === "string" ? document.createTextNode(content) : content];
  const className = kind ?? "";
  return scope
    ? make("th", { className, attributes: { scope }, children })
    : make("td", { className, children });
}
