/** Before and after on one place, a line between them to move, and a magnifier over both. */
import { byId, show } from "./dom";

/** What the slider needs of a finished picture. */
export interface Pair {
  readonly before: ImageBitmap;
  readonly after: ImageBitmap;
  readonly width: number;
  readonly height: number;
  readonly caption: string;
  readonly beforeLabel: string;
  readonly afterLabel: string;
  /** Both at one place, pixel for pixel of the result; x and y as shares. */
  cutout(
    x: number,
    y: number,
    side: number,
  ): Promise<{ readonly before: ImageBitmap; readonly after: ImageBitmap }>;
}

const LENS_PX = 110;
const STEP = 0.02;

export class Compare {
  private readonly figure = byId("compare", HTMLElement);
  private readonly pictures = byId("pictures", HTMLDivElement);
  private readonly before = byId("before", HTMLCanvasElement);
  private readonly after = byId("after", HTMLCanvasElement);
  private readonly divider = byId("divider", HTMLInputElement);
  private readonly lens = byId("lens", HTMLButtonElement);
  private readonly glass = byId("lens-picture", HTMLCanvasElement);
  private readonly toggle = byId("magnify", HTMLButtonElement);
  private readonly caption = byId("caption", HTMLElement);
  private pair: Pair | undefined;
  private place = { x: 0.5, y: 0.5 };
  private drawing = false;
  private stale = false;

  constructor() {
    this.divider.addEventListener("input", () => this.split());
    this.toggle.addEventListener("click", () => this.magnify(this.lens.hidden !== false));
    this.pictures.addEventListener("pointerdown", (event) => this.drag(event));
    this.lens.addEventListener("keydown", (event) => this.key(event));
    this.split();
  }

  /** Show a pair. */
  open(pair: Pair): void {
    this.pair = pair;
    this.figure.hidden = this.toggle.hidden = false;
    this.pictures.style.setProperty("--shape", String(pair.width / pair.height));
    show(this.before, pair.before);
    show(this.after, pair.after);
    this.before.setAttribute("aria-label", pair.beforeLabel);
    this.after.setAttribute("aria-label", pair.afterLabel);
    this.caption.textContent = pair.caption;
    this.draw();
  }

  /** Show nothing. */
  close(): void {
    this.pair = undefined;
    this.magnify(false);
    this.figure.hidden = this.toggle.hidden = true;
  }

  private split(): void {
    const share = this.divider.valueAsNumber;
    this.pictures.style.setProperty("--split", `${share}%`);
    this.divider.setAttribute("aria-valuetext", `${share} % before, ${100 - share} % after`);
  }

  private magnify(on: boolean): void {
    this.lens.hidden = !on;
    this.toggle.setAttribute("aria-pressed", String(on));
    if (!on) return;
    this.move(this.place.x, this.place.y);
    this.lens.focus();
  }

  /** The magnifier is dragged where it shows, the line everywhere else. */
  private drag(down: PointerEvent): void {
    if (down.button !== 0 || !this.pair) return;
    const box = this.pictures.getBoundingClientRect();
    const onLens =
      !this.lens.hidden && down.target instanceof Node && this.lens.contains(down.target);
    const follow = (event: PointerEvent): void => {
      const [x, y] = [
        (event.clientX - box.left) / box.width,
        (event.clientY - box.top) / box.height,
      ];
      if (onLens) {
        this.move(x, y);
      } else {
        this.divider.value = String(Math.round(100 * x));
        this.split();
      }
    };
    const ended = new AbortController();
    const { signal } = ended;
    this.pictures.setPointerCapture(down.pointerId);
    this.pictures.addEventListener("pointermove", follow, { signal });
    this.pictures.addEventListener("pointerup", () => ended.abort(), { signal });
    this.pictures.addEventListener("pointercancel", () => ended.abort(), { signal });
    follow(down);
  }

  private key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-STEP, 0],
      ArrowRight: [STEP, 0],
      ArrowUp: [0, -STEP],
      ArrowDown: [0, STEP],
    };
    const step = steps[event.key];
    if (event.key === "Escape") {
      this.magnify(false);
      this.toggle.focus();
    } else if (step) {
      event.preventDefault();
      this.move(this.place.x + step[0], this.place.y + step[1]);
    }
  }

  private move(x: number, y: number): void {
    this.place = { x: Math.max(0, Math.min(1, x)), y: Math.max(0, Math.min(1, y)) };
    const [across, down] = [Math.round(100 * this.place.x), Math.round(100 * this.place.y)];
    this.lens.style.setProperty("--lens-x", `${across}%`);
    this.lens.style.setProperty("--lens-y", `${down}%`);
    const where = `${across} % from the left, ${down} % from the top`;
    this.lens.setAttribute(
      "aria-label",
      `Magnifier, before beside after, at ${where}. Arrow keys move it.`,
    );
    this.draw();
  }

  /** Draw what the magnifier shows; places passed meanwhile are left out. */
  private draw(): void {
    if (this.lens.hidden || !this.pair) return;
    this.stale = true;
    if (!this.drawing) void this.drawLatest(this.pair);
  }

  private async drawLatest(pair: Pair): Promise<void> {
    this.drawing = true;
    try {
      while (this.stale) {
        this.stale = false;
        const { before, after } = await pair.cutout(this.place.x, this.place.y, LENS_PX);
        const paint = this.glass.getContext("2d");
        const side = this.glass.height;
        if (paint) {
          paint.imageSmoothingEnabled = false;
          paint.drawImage(before, 0, 0, side, side);
          paint.drawImage(after, side, 0, side, side);
          paint.fillStyle = "#fff";
          paint.fillRect(side - 1, 0, 2, side);
        }
        before.close();
        after.close();
      }
    } finally {
      this.drawing = false;
    }
  }
}
