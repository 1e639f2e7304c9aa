import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineConfig, type Plugin } from "vite";
import { SECURITY_HEADERS } from "./src/offline/headers.ts";
import { copyRuntime, writePrecache } from "./tools/finish.ts";

const runtime = join(
  dirname(createRequire(import.meta.url).resolve("@litertjs/core/package.json")),
  "wasm",
);

/** The page's policy, the runtime beside it, and the list of what is kept for use offline. */
function finished(): Plugin {
  return {
    name: "finished",
    apply: "build",
    transformIndexHtml: (html) =>
      html.replace("%CSP%", SECURITY_HEADERS["Content-Security-Policy"]),
    closeBundle() {
      copyRuntime(runtime, "dist/litert");
      writePrecache("dist");
    },
  };
}

export default defineConfig({
  // Any folder of any host will do.
  base: "./",
  plugins: [finished()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: "index.html", sw: "src/offline/sw.ts" },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  preview: { host: "127.0.0.1", port: 4173, headers: { ...SECURITY_HEADERS } },
});
