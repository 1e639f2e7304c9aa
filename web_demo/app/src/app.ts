/** The page as a whole: what people do, and what follows from it. */

import type { Remote } from "./jobs/calls";
import { type Entry, loadCatalog, loadSample } from "./jobs/catalog";
import { gpuProblem } from "./jobs/gpu";
import { recalled, testKey } from "./jobs/memory";
import type { PixelWork } from "./jobs/pixels.worker";
import { type Outcome, Session } from "./jobs/session";
import { type Choice, type Way, waysOf } from "./jobs/ways";
import { isCancelled, lineOf, PictureComplaint } from "./pictures/complaint";
import type { Intake } from "./pictures/intake";
import { type Given, named, picturesOf } from "./pictures/transfer";
import { CameraDialog } from "./view/camera-dialog";
import { Compare } from "./view/compare";
import { byId } from "./view/dom";
import { Menus } from "./view/menus";
import { Messages } from "./view/messages";
import { captionOf, factsOf, fromFrames, textsOf } from "./view/outcome";
import { Preview } from "./view/preview";
import { BURST_STEPS, ProgressView, SINGLE_STEPS } from "./view/progress";
import { hideReports, showFacts, showFrames, showMaps } from "./view/reports";
import { showTests } from "./view/tests-table";
import { Thumbnails } from "./view/thumbnails";

export class App {
  private readonly pixels: Remote<PixelWork>;
  private readonly session: Session;
  private readonly messages = new Messages();
  private readonly progress = new ProgressView();
  private readonly compare = new Compare();
  private readonly preview: Preview;
  private readonly menus = new Menus(
    () => void this.modelChanged(),
    () => this.why(""),
  );
  private readonly camera: CameraDialog;
  private readonly thumbnails: Thumbnails;
  private gpu: string | undefined = "";
  private intake: Intake | undefined;
  private outcome: Outcome | undefined;

  constructor(pixels: Remote<PixelWork>) {
    this.pixels = pixels;
    this.session = new Session(pixels, {
      onProgress: (step, done, total) => {
        const begun = this.progress.advance(step, done, total);
        if (begun) this.messages.say(`${begun} …`);
      },
      onStatus: (line) => this.messages.say(`${line} …`),
      onTests: showTests,
      onChoice: ({ why }) => this.why(why),
    });
    this.camera = new CameraDialog({
      still: (frame) => pixels.still(frame),
      onBurst: (pictures) => void this.take({ pictures, note: "" }),
      onTrouble: (line) => this.messages.alert(line),
    });
    this.preview = new Preview(pixels);
    this.thumbnails = new Thumbnails(pixels, () => this.frames());
  }

  get isIdle(): boolean {
    return !this.session.isWorking && this.intake === undefined;
  }

  /** Offer what there is, and listen. */
  async start(): Promise<void> {
    this.listen();
    showTests([]);
    await this.offer();
  }

  /** Offer the models and the processors; what hinders that is said. */
  private async offer(): Promise<void> {
    try {
      const [entries, gpu] = await Promise.all([loadCatalog(), gpuProblem()]);
      this.gpu = gpu;
      this.menus.offer(entries);
      this.offerWays();
      this.messages.say("Ready.");
    } catch (error) {
      this.messages.alert(lineOf(error));
    }
  }

  private listen(): void {
    const chosen = byId("files", HTMLInputElement);
    this.onClick("choose", () => chosen.click());
    chosen.addEventListener("change", () => {
      void this.take({ pictures: named([...(chosen.files ?? [])]), note: "" });
      chosen.value = "";
    });
    this.onClick("camera", () => this.camera.open());
    this.onClick("sample", () => this.sample());
    this.onClick("run", () => this.run());
    this.onClick("cancel", () => this.session.cancel());
    this.onClick("save", () => this.save());
    this.onClick("test", () => this.test());
    const stage = byId("stage", HTMLElement);
    addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("over");
    });
    addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) stage.classList.remove("over");
    });
    addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("over");
      void this.takeOut(event.dataTransfer);
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden || !this.session.isWorking) return;
      this.messages.note(
        "The work goes on while this tab is hidden; a phone may pause it until you come back.",
        { whileWorking: true },
      );
    });
    addEventListener("paste", (event) => {
      if (event.clipboardData?.files.length) void this.takeOut(event.clipboardData);
    });
  }

  private onClick(id: string, act: () => unknown): void {
    byId(id, HTMLButtonElement).addEventListener("click", () => void act());
  }

  /** Take what was dropped or pasted. */
  private async takeOut(transfer: DataTransfer | null): Promise<void> {
    try {
      await this.take(await picturesOf(transfer));
    } catch (error) {
      this.messages.alert(lineOf(error));
    }
  }

  /** Take pictures and begin, unless others are in work. */
  private async take(given: Given): Promise<void> {
    if (!this.menus.entry) await this.offer();
    const { entry } = this.menus;
    // Why there is none was just said.
    if (!entry) return;
    this.messages.clear();
    if (!this.session.isWorking) this.messages.say("Looking at the pictures …");
    let intake: Intake;
    try {
      intake = await this.session.check(given.pictures, entry);
    } catch (error) {
      if (!this.session.isWorking) this.messages.say("Not taken.");
      return this.messages.alert(lineOf(error));
    }
    if (this.session.isWorking) {
      const remedy = {
        label: "Cancel them and take the new ones",
        run: () => void this.replace(given),
      };
      return this.messages.alert("other pictures are in work; they go on.", {
        remedy,
        whileWorking: true,
      });
    }
    this.adopt(intake, given.note);
    await this.run();
  }

  private async replace(given: Given): Promise<void> {
    this.session.cancel();
    await this.session.idle;
    await this.take(given);
  }

  /** Pictures to work on. A finished picture of others stays until there is one of these. */
  private adopt(intake: Intake, left: string): void {
    this.intake = intake;
    if (!this.outcome) {
      this.preview.close();
      void this.preview.open(intake.pictures[0]!);
      this.showPictures(intake);
    }
    const note = [left, intake.note].filter(Boolean).join(" ");
    if (note) this.messages.note(note);
  }

  private showPictures(intake: Intake): void {
    this.thumbnails.of(intake.pictures);
    this.frames();
  }

  private async run(): Promise<void> {
    const [{ entry }, { intake }] = [this.menus, this];
    if (!entry || !intake) return;
    await this.working(entry, async () => {
      this.progress.begin(entry.kind === "burst" ? BURST_STEPS : SINGLE_STEPS);
      const outcome = await this.session.run(intake, entry, this.ways(entry), this.menus.way);
      await this.present(outcome);
    });
  }

  private async present(outcome: Outcome): Promise<void> {
    const isShown = this.outcome?.intake === outcome.intake;
    this.outcome = outcome;
    const { zoomed, reference, intake } = outcome;
    this.preview.close();
    this.offerSaving(true);
    hideReports();
    const ours = zoomed ? `merged ${fromFrames(outcome)}` : "by the model";
    this.compare.open({
      ...outcome,
      caption: captionOf(outcome),
      beforeLabel: `Before: ${intake.pictures[reference]?.name ?? "the picture"}, enlarged`,
      afterLabel: `After: ${ours}`,
      cutout: (x, y, side) => this.pixels.cutout(x, y, side),
    });
    if (isShown) this.frames();
    else this.showPictures(intake);
    showFacts(factsOf(outcome));
    if (zoomed) await showMaps(zoomed, (heat) => this.pixels.heat(heat));
    this.messages.say(`Done: ${captionOf(outcome)}.`);
  }

  /** What is to be done next stands out. */
  private offerSaving(isDone: boolean): void {
    byId("save", HTMLButtonElement).hidden = !isDone;
    byId("run", HTMLButtonElement).classList.toggle("primary", !isDone);
  }

  private async test(): Promise<void> {
    const { entry } = this.menus;
    if (!entry) return;
    await this.working(entry, async () => {
      const choice: Choice | undefined = await this.session.test(entry, this.ways(entry));
      this.why(choice?.why ?? "No processor passes.");
      this.messages.say("Tested.");
    });
  }

  /** Controls as they must be while something runs, and what is said when it ends. */
  private async working(entry: Entry, work: () => Promise<void>): Promise<void> {
    this.lock(true);
    try {
      await work();
    } catch (error) {
      this.complain(error);
    } finally {
      this.progress.end();
      this.messages.ended();
      this.lock(false);
      byId("run", HTMLButtonElement).textContent = entry.kind === "burst" ? "Zoom" : "Enhance";
    }
  }

  private lock(isLocked: boolean): void {
    const cancel = byId("cancel", HTMLButtonElement);
    const hadFocus = document.activeElement === cancel;
    cancel.hidden = !isLocked;
    const run = byId("run", HTMLButtonElement);
    run.disabled = isLocked || !this.intake;
    byId("test", HTMLButtonElement).disabled = isLocked;
    this.menus.lock(isLocked);
    if (hadFocus && !isLocked) run.focus();
  }

  private complain(error: unknown): void {
    const isOther = this.outcome !== undefined && this.intake !== this.outcome.intake;
    this.messages.say(isCancelled(error) ? "Cancelled." : "Stopped.");
    if (isCancelled(error)) {
      if (isOther)
        this.messages.note(
          "The picture shown is that of before; the button begins with the new ones.",
        );
      return;
    }
    this.messages.alert(lineOf(error));
    if (!(error instanceof PictureComplaint)) return;
    // What cannot be worked on makes room for what could be.
    this.intake = this.outcome?.intake;
    if (this.outcome) return;
    this.preview.reset();
    this.frames();
  }

  private async sample(): Promise<void> {
    try {
      await this.take({ pictures: await loadSample(), note: "" });
    } catch (error) {
      this.complain(error);
    }
  }

  private async save(): Promise<void> {
    if (!this.outcome) return;
    try {
      const png = await this.pixels.encode(textsOf(this.outcome));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(png);
      link.download = this.outcome.zoomed ? "burst-zoom.png" : "enhanced.png";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      this.messages.say(`Saved ${link.download}, ${(png.size / 1e6).toFixed(1)} MB.`);
    } catch (error) {
      this.complain(error);
    }
  }

  private async modelChanged(): Promise<void> {
    this.offerWays();
    const { entry } = this.menus;
    if (!entry || !this.intake) return;
    try {
      this.messages.clear();
      this.intake = await this.session.check(this.intake.pictures, entry);
      byId("run", HTMLButtonElement).disabled = false;
    } catch (error) {
      byId("run", HTMLButtonElement).disabled = true;
      this.messages.alert(lineOf(error));
    }
  }

  private offerWays(): void {
    const { entry } = this.menus;
    if (!entry) return;
    byId("run", HTMLButtonElement).textContent = entry.kind === "burst" ? "Zoom" : "Enhance";
    this.menus.offerWays(this.ways(entry), this.gpu ? [`WebGPU: ${this.gpu}`] : []);
    showTests(recalled(testKey(entry.sha256)));
    this.why("");
  }

  private ways(entry: Entry): readonly Way[] {
    return waysOf(entry.precisions, this.gpu === undefined);
  }

  private why(line: string): void {
    byId("why", HTMLParagraphElement).textContent = line;
  }

  private frames(): void {
    const pictures = (this.outcome?.intake ?? this.intake)?.pictures ?? [];
    showFrames(
      pictures.map(({ name }) => name),
      this.thumbnails.canvases,
      this.outcome?.zoomed,
    );
  }
}
