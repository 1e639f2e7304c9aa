/** What is wrong with what was given, in one line for the person who gave it. */
export class Complaint extends Error {
  override readonly name = "Complaint";
}

/** What is wrong with pictures themselves: as long as they are given, work on them fails. */
export class PictureComplaint extends Complaint {}

/** The line to show for any error: those of this page and of the driver are written for people. */
export function lineOf(error: unknown): string {
  if (error instanceof Error) return error.message.split("\n", 1)[0] || error.name;
  return String(error);
}

/** Whether work ended because somebody asked for it. */
export function isCancelled(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
