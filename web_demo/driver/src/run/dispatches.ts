/**
 * How much work a GPU was given: the proof that WebGPU ran.
 *
 * A graph that fell back to WASM gives the same numbers; it dispatches nothing.
 */

let dispatched = 0;
let watched = false;

/** Counts dispatches of this page or worker from now on. */
export function watchDispatches(): void {
  const encoder = (globalThis as { GPUComputePassEncoder?: { prototype: Dispatching } })
    .GPUComputePassEncoder?.prototype;
  if (watched || encoder === undefined) return;
  watched = true;
  const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = encoder;
  encoder.dispatchWorkgroups = function (this: Dispatching, ...sizes): void {
    dispatched++;
    dispatchWorkgroups.apply(this, sizes);
  };
  encoder.dispatchWorkgroupsIndirect = function (this: Dispatching, ...where): void {
    dispatched++;
    dispatchWorkgroupsIndirect.apply(this, where);
  };
}

/** Dispatches since they are watched. */
export function dispatchCount(): number {
  return dispatched;
}

interface Dispatching {
  dispatchWorkgroups(...sizes: unknown[]): void;
  dispatchWorkgroupsIndirect(...where: unknown[]): void;
}
