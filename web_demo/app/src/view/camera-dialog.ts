/** The dialog in which a burst is taken. */
import { type Camera, openCamera, sentenceOf } from "../camera";
import { isCancelled, lineOf } from "../pictures/complaint";
import type { Picture } from "../pictures/intake";
import { byId } from "./dom";

const FRAMES = 10;

export interface CameraDialogOptions {
  /** Makes a file of what the camera showed. */
  still(frame: ImageBitmap): Promise<Blob>;
  onBurst(pictures: readonly Picture[]): void;
  onTrouble(line: string): void;
}

export class CameraDialog {
  private readonly dialog = byId("camera-dialog", HTMLDialogElement);
  private readonly video = byId("viewfinder", HTMLVideoElement);
  private readonly line = byId("locks", HTMLParagraphElement);
  private readonly shoot = byId("shoot", HTMLButtonElement);
  private readonly options: CameraDialogOptions;
  private camera: Camera | undefined;
  private ending = new AbortController();

  constructor(options: CameraDialogOptions) {
    this.options = options;
    this.shoot.addEventListener("click", () => void this.take());
    byId("camera-close", HTMLButtonElement).addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.end());
  }

  async open(): Promise<void> {
    this.ending = new AbortController();
    const { signal } = this.ending;
    this.shoot.disabled = true;
    this.line.textContent = "Opening the camera …";
    this.dialog.showModal();
    try {
      const camera = await openCamera(this.video);
      if (signal.aborted) return camera.close();
      this.camera = camera;
      this.line.textContent = sentenceOf(camera.locks);
      this.shoot.disabled = false;
      this.shoot.focus();
    } catch (error) {
      this.fail(error);
    }
  }

  private async take(): Promise<void> {
    if (!this.camera) return;
    this.shoot.disabled = true;
    try {
      const frames = await this.camera.burst(
        FRAMES,
        (taken) => {
          this.line.textContent = `Frame ${taken} of ${FRAMES}`;
        },
        this.ending.signal,
      );
      this.dialog.close();
      const pictures: Picture[] = [];
      for (const frame of frames) {
        pictures.push({
          name: `camera ${pictures.length + 1}`,
          file: await this.options.still(frame),
        });
      }
      this.options.onBurst(pictures);
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    if (this.dialog.open) this.dialog.close();
    if (!isCancelled(error)) this.options.onTrouble(lineOf(error));
  }

  private end(): void {
    this.ending.abort();
    this.camera?.close();
    this.camera = undefined;
  }
}
