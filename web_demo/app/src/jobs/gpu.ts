/** Why this browser has no WebGPU to compute with; nothing if it has. */
export async function gpuProblem(): Promise<string | undefined> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<object | null> } };
  if (!gpu) return "not in this browser";
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter ? undefined : "no adapter on this device";
}
