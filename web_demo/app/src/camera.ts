/** A burst from the camera, its exposure, focus and white balance held where the browser lets us. */
import { Complaint } from "./pictures/complaint";

/** What of a camera can be held still, by its name in Media Capture. */
const HELD = {
  exposureMode: "exposure",
  focusMode: "focus",
  whiteBalanceMode: "white balance",
} as const;

type Mode = keyof typeof HELD;
type Modes = Partial<Record<Mode, readonly string[]>>;

export interface Locks {
  readonly held: readonly string[];
  readonly free: readonly string[];
}

/** An open camera. */
export interface Camera {
  readonly stream: MediaStream;
  readonly locks: Locks;
  /** Take frames one after the other, no two of them the same. */
  burst(
    frames: number,
    onFrame: (taken: number) => void,
    signal: AbortSignal,
  ): Promise<readonly ImageBitmap[]>;
  close(): void;
}

/**
 * Open the camera at the back, or any.
 *
 * @param video shows what it sees; frames are taken from it.
 * @throws Complaint if there is none, or it may not be used.
 */
export async function openCamera(video: HTMLVideoElement): Promise<Camera> {
  const stream = await granted();
  const [track] = stream.getVideoTracks();
  if (!track) throw new Complaint("the camera gives no pictures; choose pictures instead");
  video.srcObject = stream;
  await video.play();
  // Automatics need a moment to find the values that are then held.
  await new Promise((resolve) => setTimeout(resolve, 600));
  const locks = await hold(track);
  return {
    stream,
    locks,
    burst: (frames, onFrame, signal) => take(video, frames, onFrame, signal),
    close() {
      for (const each of stream.getTracks()) each.stop();
      video.srcObject = null;
    },
  };
}

/** What of it is held, in a sentence. */
export function sentenceOf({ held, free }: Locks): string {
  const parts = [];
  if (held.length > 0) parts.push(`Held while the burst is taken: ${held.join(", ")}.`);
  if (free.length > 0)
    parts.push(`This browser or camera does not let the page hold ${free.join(", ")}.`);
  return `${parts.join(" ")} Hold the device by hand, and still.`;
}

async function granted(): Promise<MediaStream> {
  if (!navigator.mediaDevices)
    throw new Complaint("this browser gives pages no camera; choose pictures instead");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: {
        facingMode: { ideal: "environment" },
        width: { ideal: 1920 },
        height: { ideal: 1440 },
      },
    });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    if (name === "NotAllowedError")
      throw new Complaint("the camera was not allowed; allow it, or choose pictures");
    if (name === "NotFoundError")
      throw new Complaint("this device has no camera; choose pictures instead");
    throw new Complaint(
      "the camera cannot be opened, perhaps another program uses it; choose pictures instead",
    );
  }
}

async function hold(track: MediaStreamTrack): Promise<Locks> {
  const can: Modes =
    typeof track.getCapabilities === "function" ? (track.getCapabilities() as Modes) : {};
  const [held, free]: [string[], string[]] = [[], []];
  for (const mode of Object.keys(HELD) as Mode[]) {
    let isHeld = false;
    if (can[mode]?.includes("manual")) {
      const constraint = { [mode]: "manual" } as MediaTrackConstraintSet;
      isHeld = await track.applyConstraints({ advanced: [constraint] }).then(
        () => (track.getSettings() as Partial<Record<Mode, string>>)[mode] === "manual",
        () => false,
      );
    }
    (isHeld ? held : free).push(HELD[mode]);
  }
  return { held, free };
}

async function take(
  video: HTMLVideoElement,
  frames: number,
  onFrame: (taken: number) => void,
  signal: AbortSignal,
): Promise<readonly ImageBitmap[]> {
  const taken: ImageBitmap[] = [];
  try {
    while (taken.length < frames) {
      await nextFrame(video, signal);
      taken.push(await createImageBitmap(video));
      onFrame(taken.length);
    }
    return taken;
  } catch (error) {
    for (const bitmap of taken) bitmap.close();
    throw error;
  }
}

function nextFrame(video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(signal.reason as Error);
    if (signal.aborted) return ended();
    signal.addEventListener("abort", ended, { once: true });
    const shown = (): void => {
      signal.removeEventListener("abort", ended);
      resolve();
    };
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(shown);
    else setTimeout(shown, 66);
  });
}
