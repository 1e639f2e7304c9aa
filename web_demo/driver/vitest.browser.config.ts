import { defineConfig } from "vitest/config";

// One browser at a time: pictures are compared, not speeds, and machines may be small.
export default defineConfig({
  test: {
    include: ["tests/browser/**/*.browser.ts"],
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 120_000,
  },
});
