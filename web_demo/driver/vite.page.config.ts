import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** The page of the tests, with the package and its worker as they ship. */
export default defineConfig({
  root: fileURLToPath(new URL("tests/browser/", import.meta.url)),
  logLevel: "warn",
  worker: { format: "es" },
  build: {
    outDir: fileURLToPath(new URL("../.cache/page/", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
  },
});
