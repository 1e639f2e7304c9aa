/** How much memory a piece of work asks for, be it kept or not. */

/** What came of the work, the bytes of all arrays it made, and by how many the process grew at most. */
export interface Watched<T> {
  readonly made: T;
  readonly asked: number;
  readonly grown: number;
}

const KINDS = [
  "ArrayBuffer",
  "Uint8Array",
  "Uint8ClampedArray",
  "Uint16Array",
  "Int16Array",
  "Uint32Array",
  "Int32Array",
  "Float32Array",
  "Float64Array",
] as const;

type Sized = new (...given: unknown[]) => { readonly byteLength: number };

/** Do some work and watch what it asks for: the constructors of arrays count while it goes on. */
export async function watched<T>(work: () => Promise<T>): Promise<Watched<T>> {
  const scope = globalThis as unknown as Record<string, Sized>;
  const plain = KINDS.map((kind) => [kind, scope[kind]] as const);
  let asked = 0;
  for (const [kind, make] of plain) {
    scope[kind] = new Proxy(make, {
      construct(target, given, newTarget) {
        const made = Reflect.construct(target, given, newTarget) as InstanceType<Sized>;
        // A view of what is there already asks for nothing.
        if (!(given[0] instanceof ArrayBuffer)) asked += made.byteLength;
        return made;
      },
    });
  }
  // In KiB, and of the process as a whole: it never falls.
  const before = process.resourceUsage().maxRSS;
  try {
    const made = await work();
    return { made, asked, grown: 1024 * (process.resourceUsage().maxRSS - before) };
  } finally {
    for (const [kind, make] of plain) scope[kind] = make;
  }
}
