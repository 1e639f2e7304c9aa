/** A static host for tests: it says what was asked of it, and can be told to fall silent. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".zip": "application/zip",
};

export interface Host {
  readonly url: string;
  /** Paths that were sent, with their bytes, in order. */
  readonly sent: readonly { readonly path: string; readonly bytes: number }[];
  close(): Promise<void>;
}

/**
 * Serve a folder on a free port of this machine, with headers of one's own or none.
 *
 * @param fallback file that answers for those that are missing, as hosts of pages of one file do.
 */
export async function host(
  folder: string,
  headers: Readonly<Record<string, string>> = {},
  fallback?: string,
): Promise<Host> {
  const sent: { path: string; bytes: number }[] = [];
  const server: Server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://host").pathname));
    const asked = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    const isThere = (each: string): boolean => existsSync(each) && statSync(each).isFile();
    const file = fallback && !isThere(asked) ? join(folder, fallback) : asked;
    if (!file.startsWith(folder) || !isThere(file)) {
      response.writeHead(404).end();
      return;
    }
    const { size } = statSync(file);
    sent.push({ path, bytes: size });
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Content-Length": size,
      ...headers,
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
