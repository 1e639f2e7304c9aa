/** What the page says: one message that matters, and a line of what goes on. */
import { byId, make } from "./dom";

/** Something to do about a message. */
export interface Remedy {
  readonly label: string;
  run(): void;
}

export class Messages {
  private readonly box = byId("message", HTMLDivElement);
  private readonly status = byId("status", HTMLParagraphElement);

  /** Something is wrong, or asks for a decision: read out at once. */
  alert(line: string, remedy?: Remedy): void {
    this.put(line, "", remedy);
  }

  /** Worth knowing; nothing is wrong. */
  note(line: string): void {
    this.put(line, "note");
  }

  clear(): void {
    this.box.replaceChildren();
  }

  /** What goes on: read out when nothing else is. */
  say(line: string): void {
    if (this.status.textContent !== line) this.status.textContent = line;
  }

  private put(line: string, className: string, remedy?: Remedy): void {
    // Names of files stand as they are.
    const sentence = /^[a-z]+ /.test(line) ? line.charAt(0).toUpperCase() + line.slice(1) : line;
    const buttons = remedy ? [this.button(remedy.label, () => remedy.run())] : [];
    this.box.className = className;
    this.box.replaceChildren(
      make("p", { text: /[.!?]$/.test(sentence) ? sentence : `${sentence}.` }),
      ...buttons,
      this.button("Dismiss"),
    );
  }

  private button(label: string, run?: () => void): HTMLButtonElement {
    const button = make("button", { text: label, attributes: { type: "button" } });
    button.addEventListener("click", () => {
      this.clear();
      run?.();
    });
    return button;
  }
}
