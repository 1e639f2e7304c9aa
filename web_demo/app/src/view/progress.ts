/** A bar, and the steps of the work beside it. */
import { byId, make } from "./dom";

export interface Step {
  readonly name: string;
  readonly title: string;
  /** How much of the whole time it takes, roughly. */
  readonly share: number;
}

export const BURST_STEPS: readonly Step[] = [
  { name: "decode files", title: "Read", share: 0.06 },
  { name: "score", title: "Score", share: 0.06 },
  { name: "reference", title: "Reference", share: 0.03 },
  { name: "align", title: "Align", share: 0.25 },
  { name: "merge", title: "Merge", share: 0.45 },
  { name: "decode", title: "Enhance", share: 0.15 },
];

export const SINGLE_STEPS: readonly Step[] = [
  { name: "decode files", title: "Read", share: 0.1 },
  { name: "decode", title: "Enhance", share: 0.9 },
];

export class ProgressView {
  private readonly box = byId("progress", HTMLDivElement);
  private readonly bar = byId("bar", HTMLProgressElement);
  private readonly list = byId("steps", HTMLOListElement);
  private readonly title = document.title;
  private steps: readonly Step[] = [];
  private reached = 0;

  /** Begin with steps, none of them done. */
  begin(steps: readonly Step[]): void {
    this.steps = steps;
    this.reached = 0;
    this.list.replaceChildren(...steps.map(({ title }) => make("li", { text: title })));
    this.bar.value = 0;
    this.box.hidden = false;
  }

  /** A step's state. @returns its title when it has just begun. */
  advance(name: string, done: number, total: number): string | undefined {
    const at = this.steps.findIndex((step) => step.name === name);
    const step = this.steps[at];
    if (!step) return undefined;
    const part = total > 0 ? done / total : 0;
    const before = this.steps.slice(0, at).reduce((sum, { share }) => sum + share, 0);
    // Work may come back to an earlier step, to align anew; the bar does not.
    this.bar.value = Math.max(this.bar.value, before + part * step.share);
    const isNew = this.list.children[at]?.getAttribute("aria-current") !== "step";
    for (const [index, item] of [...this.list.children].entries()) {
      const own = this.steps[index]!;
      item.classList.toggle("done", index < at);
      if (index === at) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
      item.textContent = index === at && total > 1 ? `${own.title} ${done}/${total}` : own.title;
    }
    this.reached = this.bar.value;
    document.title = `${Math.round(100 * this.reached)} % · ${this.title}`;
    return isNew ? step.title : undefined;
  }

  /** Take it off the page. */
  end(): void {
    this.box.hidden = true;
    document.title = this.title;
  }
}
