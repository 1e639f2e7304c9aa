/** Ways of computing a model: which there are, and which of those that pass is the fastest. */
import type { Backend, Precision, SelfTest } from "@edge-sdk/burst-driver";

export interface Way {
  readonly backend: Backend;
  readonly precision: Precision;
}

/** A way, and what its self-test said; an error where it did not come to an end. */
export type Tested = Way & ({ readonly test: SelfTest } | { readonly failure: string });

/** Identity of a way, for menus and storage. */
export function keyOf({ backend, precision }: Way): string {
  return `${backend} ${precision}`;
}

/** For people. */
export function labelOf({ backend, precision }: Way): string {
  return `${backend === "wasm" ? "WASM" : "WebGPU"} ${precision}`;
}

/** Why a way does not do, without advice; empty if it does. */
export function reasonOf(tested: Tested): string {
  const line = "failure" in tested ? tested.failure : tested.test.reason;
  return line.split("; ", 1)[0]!;
}

/** A GPU computes floats, in single or in half precision; integers are for WASM. */
const GPU_PRECISIONS: readonly Precision[] = ["fp32", "fp16"];

/** All ways of a model that this browser may have. @param precisions those of its bundle. */
export function waysOf(precisions: readonly Precision[], hasGpu: boolean): readonly Way[] {
  const way = (backend: Backend) => (precision: Precision) => ({ backend, precision });
  return [...precisions.map(way("wasm")), ...(hasGpu ? GPU_PRECISIONS.map(way("webgpu")) : [])];
}

export interface Choice {
  readonly way: Way;
  /** In one sentence. */
  readonly why: string;
}

/** The fastest way that passes, and why; nothing if none does. */
export function chosenOf(tested: readonly Tested[]): Choice | undefined {
  const passing = tested
    .flatMap((each) =>
      "test" in each && each.test.passes
        ? [{ way: each, milliseconds: each.test.milliseconds }]
        : [],
    )
    .sort((one, other) => one.milliseconds - other.milliseconds);
  const [best, second] = passing;
  if (!best) return undefined;
  const own = `${labelOf(best.way)} passes its self-test in ${Math.round(best.milliseconds)} ms`;
  const compared = second ? `, ${labelOf(second.way)} in ${Math.round(second.milliseconds)}` : "";
  const failed = tested.length - passing.length;
  const rest = failed > 0 ? `; ${failed} of ${tested.length} ways fail` : "";
  const { backend, precision } = best.way;
  return { way: { backend, precision }, why: `${own}${compared}${rest}.` };
}
