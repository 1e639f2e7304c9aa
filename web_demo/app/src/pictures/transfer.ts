/** Pictures out of a drop, the clipboard or the file dialog. */
import type { Picture } from "./intake";

/** Files of a drop or of the clipboard, in order of name when they have names of their own. */
export function picturesOf(transfer: DataTransfer | null): readonly Picture[] {
  return named([...(transfer?.files ?? [])]);
}

/** Files in the order of a burst: cameras count up, and 10 comes after 9. */
export function named(files: readonly File[]): readonly Picture[] {
  const order = new Intl.Collator("en", { numeric: true });
  return files
    .map((file, index) => ({ file, name: file.name || `picture ${index + 1}` }))
    .sort((one, other) => order.compare(one.name, other.name));
}
