/** Tables with a caption and heads, filled anew as a whole. Where there is little room, rows are stacked. */
import { make } from "./dom";

export interface Cell {
  readonly content: string | HTMLElement;
  /** `words` may wrap; `number` stands to the right; `title` is what the row is about. */
  readonly kind?: "number" | "title" | "words";
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
  // Stacked rows are no boxes of a table any more: their roles are said, so that they remain one.
  const head = make("tr", {
    attributes: { role: "row" },
    children: heads.map((cell) => drawn(cell, "col", "")),
  });
  const body = rows.map(({ cells, className }) =>
    make("tr", {
      className: className ?? "",
      attributes: { role: "row" },
      children: cells.map((cell, at) => drawn(cell, at === 0 ? "row" : "", nameOf(heads[at]))),
    }),
  );
  const part = { attributes: { role: "rowgroup" } };
  table.setAttribute("role", "table");
  table.replaceChildren(
    make("caption", { text: caption }),
    make("thead", { ...part, children: [head] }),
    make("tbody", { ...part, children: body }),
  );
}

function nameOf(head: Cell | undefined): string {
  return typeof head?.content === "string" ? head.content : "";
}

function drawn({ content, kind }: Cell, scope: "col" | "row" | "", name: string): HTMLElement {
  const children = [typeof content === "string" ? document.createTextNode(content) : content];
  const className = kind ?? "";
  if (scope === "") {
    const attributes = { role: "cell", ...(content === "" ? {} : { "data-head": name }) };
    return make("td", { className, attributes, children });
  }
  const role = scope === "col" ? "columnheader" : "rowheader";
  return make("th", { className, attributes: { scope, role }, children });
}
