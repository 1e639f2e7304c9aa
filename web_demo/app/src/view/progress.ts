/** A bar, and the steps of the work beside it. */
import { byId, make } from "./dom";

export interface Step {
  readonly name: string;
  readonly title: string;
  /** How much of the whole time it takes, roughly. */
  readonly share: number;
  /** Whether it takes turns with the step before it, piece by piece. */
  readonly inTurns?: boolean;
}

export const BURST_STEPS: readonly Step[] = [
  { name: "decode files", title: "Read", share: 0.05 },
  { name: "score", title: "Score", share: 0.06 },
  { name: "align", title: "Align", share: 0.25 },
  { name: "reference", title: "Reference", share: 0.04 },
  { name: "merge", title: "Merge", share: 0.45 },
  { name: "decode", title: "Enhance", share: 0.15, inTurns: true },
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
  /** How much of each step is done, 0 to 1; it never falls, though work may come back to a step. */
  private parts: number[] = [];
  private begun = new Set<string>();

  /** Begin with steps, none of them done. */
  begin(steps: readonly Step[]): void {
    this.steps = steps;
    this.parts = steps.map(() => 0);
    this.begun.clear();
    this.list.replaceChildren(...steps.map(({ title }) => make("li", { text: title })));
    this.bar.value = 0;
    this.box.hidden = false;
  }

  /** A step's state. @returns its title the first time that it is named. */
  advance(name: string, done: number, total: number): string | undefined {
    const at = this.steps.findIndex((step) => step.name === name);
    const step = this.steps[at];
    if (!step) return undefined;
    this.parts[at] = Math.max(this.parts[at] ?? 0, total > 0 ? done / total : 0);
    const finished = step.inTurns ? at - 1 : at;
    for (let index = 0; index < finished; index++) this.parts[index] = 1;
    this.draw(at, total > 1 ? `${step.title} ${done}/${total}` : step.title);
    if (this.begun.has(name)) return undefined;
    this.begun.add(name);
    return step.title;
  }

  /** Take it off the page. */
  end(): void {
    this.box.hidden = true;
    document.title = this.title;
  }

  private draw(at: number, text: string): void {
    const value = this.steps.reduce((sum, { share }, index) => sum + share * this.parts[index]!, 0);
    this.bar.value = value;
    document.title = `${Math.round(100 * value)} % · ${this.title}`;
    for (const [index, item] of [...this.list.children].entries()) {
      item.classList.toggle("done", index !== at && this.parts[index] === 1);
      if (index === at) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
      if (index === at) item.textContent = text;
      else if (this.parts[index] === 1) item.textContent = this.steps[index]!.title;
    }
  }
}
