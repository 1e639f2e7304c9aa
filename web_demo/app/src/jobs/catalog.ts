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
  const entries = await json("bundles/index.json");
  if (!Array.isArray(entries) || !entries.every(isEntry))
    throw new Complaint("bundles/index.json is no list of models; build the page anew: make web");
  if (entries.length === 0)
    throw new Complaint("this page was built without models; run make web anew");
  return entries;
}

/** The bytes of a bundle, which are those that the page was built with. */
export async function loadBundle(entry: Entry): Promise<Uint8Array> {
  const path = `bundles/${entry.file}`;
  const response = await got(path);
  const content = await response.arrayBuffer().catch(() => {
    throw new Complaint(`${path} arrived in part; check the connection and try again`);
  });
  const is = (what: string): Complaint =>
    new Complaint(`${path} ${what}: it is damaged or of another build; load the page anew`);
  if (content.byteLength !== entry.bytes)
    throw is(`has ${content.byteLength} bytes, not ${entry.bytes}`);
  if (!isSecureContext)
    throw new Complaint(
      "this page came without HTTPS, so that nothing of it can be checked; open it by https://",
    );
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== entry.sha256) throw is("has not the SHA-256 of the list of models");
  return new Uint8Array(content);
}

function isEntry(value: unknown): value is Entry {
  const { file, name, kind, task, scale, precisions, bytes, sha256 } = Object(value) as Entry;
  return (
    [file, name, task, sha256].every((each) => typeof each === "string") &&
    /^[\w.-]+$/.test(file) &&
    (kind === "burst" || kind === "single") &&
    Number.isInteger(scale) &&
    Number.isInteger(bytes) &&
    Array.isArray(precisions)
  );
}

/** The frames of the sample burst. */
export async function loadSample(): Promise<
  readonly { readonly name: string; readonly file: Blob }[]
> {
  const names = (await json("sample/index.json")) as readonly string[];
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

async function json(path: string): Promise<unknown> {
  const response = await got(path);
  try {
    return await response.json();
  } catch {
    throw new Complaint(`${path} is damaged or cut off; load the page anew`);
  }
}

async function got(path: string): Promise<Response> {
  const response = await fetch(`./${path}`).catch(() => undefined);
  if (!response)
    throw new Complaint(`${path} cannot be loaded; check the connection and try again`);
  if (!response.ok) {
    throw new Complaint(
      `${path} cannot be loaded (the host answers ${response.status}); serve the whole folder that make web built`,
    );
  }
  // Hosts of pages of one file answer with that page whatever is asked for.
  if (response.headers.get("Content-Type")?.startsWith("text/html")) {
    throw new Complaint(
      `the host sends a web page in place of ${path}; serve the whole folder that make web built`,
    );
  }
  return response;
}
