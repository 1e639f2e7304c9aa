/** What LiteRT's script asks of a browser, where Node has it by another name. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

/** URL of the folder of LiteRT's files, which may be loaded in Node from now on. */
export function wasmFolder(): string {
  const entry = require.resolve("@litertjs/core");
  const folder = `${dirname(dirname(entry))}/wasm/`;
  Object.assign(globalThis, { self: globalThis, require, __dirname: folder });
  return pathToFileURL(folder).href;
}
