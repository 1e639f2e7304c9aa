/** Serves the test page, LiteRT's files and what was made for tests, on this machine alone. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import { extname, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../../../.cache/", import.meta.url));
const require = createRequire(import.meta.url);
const WASM = require.resolve("@litertjs/core").replace(/dist\/index\.js$/, "wasm/");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};
/** Forbids that text is evaluated: the driver must do without. */
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:; worker-src 'self' blob:";

export interface Served {
  readonly url: string;
  close(): void;
}

/** @param isolated whether pages may share memory between threads. */
export async function serve(isolated: boolean): Promise<Served> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const file = fileOf(path === "/" ? "/index.html" : path);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
    response.setHeader("Content-Security-Policy", POLICY);
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
      response.setHeader("Cross-Origin-Resource-Policy", "same-origin");
    }
    createReadStream(file).pipe(response);
  });
  const port = await listening(server);
  return { url: `http://localhost:${port}/`, close: () => void server.close() };
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "localhost", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

function fileOf(path: string): string | undefined {
  for (const [prefix, folder] of [
    ["/wasm/", WASM],
    ["/made/", CACHE],
    ["/", `${CACHE}page/`],
  ] as const) {
    if (!path.startsWith(prefix)) continue;
    const file = folder + path.slice(prefix.length);
    return existsSync(file) && statSync(file).isFile() ? file : undefined;
  }
  return undefined;
}
