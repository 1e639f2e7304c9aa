/** Pictures out of a drop, the clipboard or the file dialog. */
import { Complaint } from "./complaint";
import type { Picture } from "./intake";

/** Pictures, and what was left out of folders; often empty. */
export interface Given {
  readonly pictures: readonly Picture[];
  readonly note: string;
}

const PICTURES = /\.(jpe?g|png|webp|hei[cf]|avif)$/i;

/**
 * Files of a drop or of the clipboard, in order of name when they have names of their own; of a folder,
 * the pictures that lie in it.
 *
 * What a drop holds must be asked for at once, before anything is waited for.
 *
 * @throws Complaint if a folder has no pictures.
 */
export async function picturesOf(transfer: DataTransfer | null): Promise<Given> {
  const items = [...(transfer?.items ?? [])];
  const folders = items
    .map((item) => (item.kind === "file" ? item.webkitGetAsEntry() : null))
    .filter(isFolder);
  const names = new Set(folders.map(({ name }) => name));
  const loose = [...(transfer?.files ?? [])].filter(({ name }) => !names.has(name));
  const inside = await Promise.all(folders.map(filesIn));
  const files = [...loose, ...inside.flatMap(({ pictures }) => pictures)];
  const empty = inside.findIndex(({ pictures }) => pictures.length === 0);
  if (empty >= 0) {
    const hint = inside[empty]!.folders > 0 ? "drop one of the folders in it" : "give another";
    throw new Complaint(`the folder ${folders[empty]!.name} has no pictures of its own; ${hint}`);
  }
  const others = inside.reduce((sum, each) => sum + each.others, 0);
  const left =
    others === 1 ? "one file that is no picture" : `${others} files that are no pictures`;
  return { pictures: named(files), note: others > 0 ? `Left out of the folder: ${left}.` : "" };
}

/** Files in the order of a burst: cameras count up, and 10 comes after 9. */
export function named(files: readonly File[]): readonly Picture[] {
  const order = new Intl.Collator("en", { numeric: true });
  return files
    .map((file, index) => ({ file, name: file.name || `picture ${index + 1}` }))
    .sort((one, other) => order.compare(one.name, other.name));
}

function isFolder(entry: FileSystemEntry | null): entry is FileSystemDirectoryEntry {
  return entry?.isDirectory === true;
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

/** Pictures that lie in a folder itself, and how many other files and folders do. */
async function filesIn(folder: FileSystemDirectoryEntry): Promise<{
  readonly pictures: readonly File[];
  readonly others: number;
  readonly folders: number;
}> {
  const entries = await entriesIn(folder);
  // What systems put into folders unseen is nothing that people gave.
  const files = entries
    .filter(isFile)
    .filter(({ name }) => !/^\.|^(Thumbs\.db|desktop\.ini)$/i.test(name));
  const wanted = files.filter(({ name }) => PICTURES.test(name));
  const pictures = await Promise.all(
    wanted.map((entry) => new Promise<File>((take, fail) => entry.file(take, fail))),
  );
  const folders = entries.filter((entry) => entry.isDirectory).length;
  return { pictures, others: files.length - pictures.length, folders };
}

/** All entries of a folder: a browser hands them over by the hundred. */
async function entriesIn(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((take, fail) =>
      reader.readEntries(take, fail),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}
