/** What the page says: one message that matters, and a line of what goes on. */
import { byId, make } from "./dom";

/** How a message differs from a plain one. */
export interface Manner {
  /** Something to do about it. */
  readonly remedy?: Remedy;
  /** Whether it is about work that goes on, and means nothing after that. */
  readonly whileWorking?: boolean;
}

export interface Remedy {
  readonly label: string;
  run(): void;
}

export class Messages {
  private readonly box = byId("message", HTMLDivElement);
  private readonly status = byId("status", HTMLParagraphElement);
  private isPassing = false;
  /** What had the focus when the message came: there it goes when the message is dismissed. */
  private before: Element | null = null;

  /** Something is wrong, or asks for a decision: read out at once. */
  alert(line: string, manner: Manner = {}): void {
    this.put(line, "", manner);
  }

  /** Worth knowing; nothing is wrong. */
  note(line: string, manner: Manner = {}): void {
    this.put(line, "note", manner);
  }

  clear(): void {
    const hadFocus = this.box.contains(document.activeElement);
    this.box.replaceChildren();
    if (hadFocus) this.focusBack();
  }

  /** Work has ended: what was said of it is taken back. */
  ended(): void {
    if (this.isPassing) this.clear();
  }

  /** What goes on: read out when nothing else is. */
  say(line: string): void {
    if (this.status.textContent !== line) this.status.textContent = line;
  }

  private put(line: string, className: string, { remedy, whileWorking }: Manner): void {
    // Names of files stand as they are.
    const sentence = /^[a-z]+ /.test(line) ? line.charAt(0).toUpperCase() + line.slice(1) : line;
    const buttons = remedy ? [this.button(remedy.label, () => remedy.run())] : [];
    const { activeElement } = document;
    const hadFocus = this.box.contains(activeElement);
    if (!hadFocus) this.before = activeElement;
    this.isPassing = whileWorking ?? false;
    this.box.className = className;
    this.box.replaceChildren(
      make("p", { text: /[.!?]$/.test(sentence) ? sentence : `${sentence}.` }),
      ...buttons,
      this.button("Dismiss"),
    );
    if (hadFocus) this.focusBack();
    this.box.scrollIntoView({ block: "nearest" });
  }

  private button(label: string, run?: () => void): HTMLButtonElement {
    const button = make("button", { text: label, attributes: { type: "button" } });
    button.addEventListener("click", () => {
      this.clear();
      run?.();
    });
    return button;
  }

  /** To where the focus was, or to the first control where that is gone. */
  private focusBack(): void {
    const { before } = this;
    if (before instanceof HTMLElement && before !== document.body) before.focus();
    if (document.activeElement === document.body) byId("choose", HTMLButtonElement).focus();
  }
}
