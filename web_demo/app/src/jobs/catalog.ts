/** The bundles beside the page: what they do, and their bytes, loaded when they are wanted. */
import type { Precision } from "@edge-sdk/burst-driver";
import { Complaint } from "../pictures/complaint";

export interface Entry {
  readonly file: string;
  readonly name: string;
  readonly kind: "burst" | "single";
  readonly task: string;
  readonly scale: number;
  readonly precisions: readonly Precision[];
  readonly bytes: number;
  readonly sha256: string;
}

/** All there are, the preferred first. */
export async function loadCatalog(): Promise<readonly Entry[]> {
  const entries = (await (await got("bundles/index.json")).json()) as readonly Entry[];
  if (entries.length === 0)
    throw new Complaint("this page was built without models; run make web anew");
  return entries;
}

/** The bytes of a bundle. What is in them is checked by who reads them. */
export async function loadBundle(entry: Entry): Promise<Uint8Array> {
  return new Uint8Array(await (await got(`bundles/${entry.file}`)).arrayBuffer());
}

/** The frames of the sample burst. */
export async function loadSample(): Promise<
  readonly { readonly name: string; readonly file: Blob }[]
> {
  const names = (await (await got("sample/index.json")).json()) as readonly string[];
  return Promise.all(
    names.map(async (name) => ({ name, file: await (await got(`sample/${name}`)).blob() })),
  );
}

/** What models do, for a menu; of two that do the same the name tells which is which. */
export function titlesOf(entries: readonly Entry[]): readonly string[] {
  const titles = entries.map(worded);
  return entries.map(({ name }, at) => {
    const isOnly = titles.indexOf(titles[at]!) === titles.lastIndexOf(titles[at]!);
    return isOnly ? titles[at]! : `${titles[at]} (${name})`;
  });
}

function worded({ task, scale, name }: Entry): string {
  const words: Readonly<Record<string, string>> = {
    "burst-zoom": "Burst zoom",
    "super-resolution": "Enlarge one picture",
    denoising: "Denoise one picture",
  };
  return words[task] === undefined ? name : `${words[task]}${scale > 1 ? ` ×${scale}` : ""}`;
}

async function got(path: string): Promise<Response> {
  const response = await fetch(`./${path}`).catch(() => undefined);
  if (!response?.ok)
    throw new Complaint(`${path} cannot be loaded; check the connection and try again`);
  return response;
}
