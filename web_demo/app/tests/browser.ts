/** Debian's Chromium, on WASM alone or with WebGPU in software. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** WebGPU without a GPU: SwiftShader computes what a GPU would. */
const SOFTWARE_GPU = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan,WebGPU",
  "--use-angle=swiftshader",
];

/** Start a browser. @param more of its options. */
export async function launch(
  gpu: "no GPU" | "software GPU",
  more: readonly string[] = [],
): Promise<Browser> {
  if (!existsSync(EXECUTABLE)) {
    throw new Error(
      `${EXECUTABLE} is not there; install Debian's package chromium, or set CHROMIUM to a Chromium`,
    );
  }
  const gpuOptions = gpu === "software GPU" ? SOFTWARE_GPU : ["--disable-gpu"];
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: ["--no-sandbox", ...gpuOptions, ...more],
  });
}
