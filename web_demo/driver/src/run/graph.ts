/** One graph in LiteRT, by its own bindings: those of the package know no int8 at the ends. */
import { type LiteRt, Tensor } from "@litertjs/core";
import type { GraphEntry, TensorEntry } from "../bundle/manifest.js";
import type { Backend } from "../face.js";
import { Refusal } from "../refusal.js";

type Wasm = LiteRt["liteRtWasm"];
type Environment = ReturnType<LiteRt["getDefaultEnvironment"]>;
type Compiled = Awaited<ReturnType<Wasm["compileModel"]>>;
type Model = ReturnType<Wasm["loadModel"]>;
type Buffer = InstanceType<Wasm["LiteRtTensorBuffer"]>;

export interface GraphOptions {
  readonly backend: Backend;
  readonly threads: number;
  /** What a GPU computes in. */
  readonly gpuPrecision: "fp16" | "fp32";
}

/** Where a graph runs: takes and gives channels-last floats, which it quantizes by itself. */
export class Graph {
  readonly #entry: GraphEntry;
  readonly #liteRt: LiteRt;
  readonly #pointer: number;
  readonly #model: Model;
  readonly #compiled: Compiled;
  readonly #backend: Backend;
  readonly #input: Codes;
  readonly #output: Codes;
  readonly #made: Float32Array;
  #buffer: Buffer | undefined;

  private constructor(
    entry: GraphEntry,
    liteRt: LiteRt,
    pointer: number,
    model: Model,
    compiled: Compiled,
    backend: Backend,
  ) {
    this.#entry = entry;
    this.#liteRt = liteRt;
    this.#pointer = pointer;
    this.#model = model;
    this.#compiled = compiled;
    this.#backend = backend;
    this.#input = new Codes(entry.input);
    this.#output = new Codes(entry.output);
    this.#made = new Float32Array(elements(entry.output));
  }

  /** Compiles a graph whose bytes were checked; refuses one that is not what the manifest says. */
  static async compile(
    entry: GraphEntry,
    bytes: Uint8Array,
    liteRt: LiteRt,
    options: GraphOptions,
  ): Promise<Graph> {
    const wasm = liteRt.liteRtWasm;
    const environment = liteRt.getDefaultEnvironment();
    const pointer = wasm._malloc(bytes.length);
    wasm.HEAPU8.set(bytes, pointer);
    let model: Model | undefined;
    let compiled: Compiled | undefined;
    try {
      model = wasm.loadModel(environment.liteRtEnvironment, pointer, bytes.length);
      checkEnd(entry, entry.input, model.getInputTensorType(0, 0));
      checkEnd(entry, entry.output, model.getOutputTensorType(0, 0));
      compiled = await wasm.compileModel(environment.liteRtEnvironment, model, {
        environment,
        accelerator: options.backend,
        cpuOptions: { numThreads: options.threads },
        gpuOptions: { precision: options.gpuPrecision },
        webNNOptions: {},
      } as never);
      if (options.backend === "webgpu" && !compiled.isFullyAccelerated()) {
        throw new Refusal(
          `${entry.file} has operators that WebGPU does not run; take the backend wasm`,
          "runtime",
        );
      }
      return new Graph(entry, liteRt, pointer, model, compiled, options.backend);
    } catch (error) {
      compiled?.delete();
      model?.delete();
      wasm._free(pointer);
      if (error instanceof Refusal) throw error;
      throw new Refusal(
        `${entry.file} cannot be run (${String(error)}); pack the bundle anew`,
        "runtime",
      );
    }
  }

  /** What the graph makes of floats; the same memory holds what the next run makes. */
  async run(floats: Float32Array): Promise<Float32Array> {
    if (floats.length !== elements(this.#entry.input)) {
      throw new Refusal(
        `${this.#entry.stage} takes ${this.#entry.input.shape.join("×")}, not ${floats.length} ` +
          "values; check what is given",
        "input",
      );
    }
    return this.#backend === "wasm" ? this.#onWasm(floats) : this.#onGpu(floats);
  }

  close(): void {
    this.#buffer?.delete();
    this.#compiled.delete();
    this.#model.delete();
    this.#liteRt.liteRtWasm._free(this.#pointer);
  }

  async #onWasm(floats: Float32Array): Promise<Float32Array> {
    const wasm = this.#liteRt.liteRtWasm;
    this.#buffer ??= this.#newBuffer(wasm, this.#liteRt.getDefaultEnvironment());
    const place = this.#buffer.lock(wasm.LiteRtTensorBufferLockMode.WRITE);
    this.#input.write(floats, wasm.HEAPU8, place);
    this.#buffer.unlock();
    const outputs = await this.#compiled.run(0, [this.#buffer]);
    const from = outputs[0].lock(wasm.LiteRtTensorBufferLockMode.READ);
    this.#output.read(wasm.HEAPU8, from, this.#made);
    outputs[0].unlock();
    for (const output of outputs) output.delete();
    return this.#made;
  }

  #newBuffer(wasm: Wasm, environment: Environment): Buffer {
    const type = this.#model.getInputTensorType(0, 0);
    const buffer = wasm.LiteRtTensorBuffer.createManaged(
      environment.liteRtEnvironment,
      wasm.LiteRtTensorBufferType.HOST_MEMORY,
      type,
      type.bytes(),
    );
    type.delete();
    return buffer;
  }

  async #onGpu(floats: Float32Array): Promise<Float32Array> {
    if (this.#input.isInteger || this.#output.isInteger) {
      throw new Refusal("int8 graphs run on WASM alone; take fp32 or fp16 on WebGPU", "runtime");
    }
    const given = new Tensor(floats, [...this.#entry.input.shape]);
    const there = await given.moveTo("webgpu");
    const [output] = await this.#compiled.run(0, [there.liteRtTensorBuffer as never]);
    const made = new Tensor(output as never, this.#liteRt.getDefaultEnvironment());
    this.#made.set((await made.data()) as Float32Array);
    made.delete();
    there.delete();
    return this.#made;
  }
}

/** How the values of a tensor lie in memory: as floats, or as integers of so many steps. */
class Codes {
  readonly isInteger: boolean;
  readonly #scale: number;
  readonly #zero: number;
  readonly #least: number;
  readonly #dtype: string;

  constructor(entry: TensorEntry) {
    this.#dtype = entry.dtype;
    this.isInteger = entry.dtype !== "float32";
    this.#scale = Number(entry.scale);
    this.#zero = entry.zero_point;
    this.#least = entry.dtype === "int8" ? -128 : 0;
    const plain = entry.dtype !== "float16" && (!this.isInteger || this.#scale > 0);
    if (!plain) {
      throw new Refusal(
        `a browser takes no ends of ${entry.dtype}; pack the bundle anew`,
        "runtime",
      );
    }
  }

  /** Halves go to the even one of both. */
  write(floats: Float32Array, heap: Uint8Array, place: number): void {
    if (!this.isInteger) {
      new Float32Array(heap.buffer as ArrayBuffer, place, floats.length).set(floats);
      return;
    }
    const codes = this.#view(heap, place, floats.length);
    const [scale, zero, least, most] = [this.#scale, this.#zero, this.#least, this.#least + 255];
    for (let at = 0; at < floats.length; at++) {
      const code = floats[at] / scale + ROUNDING - ROUNDING + zero;
      codes[at] = Math.min(Math.max(code, least), most);
    }
  }

  read(heap: Uint8Array, place: number, floats: Float32Array): void {
    if (!this.isInteger) {
      floats.set(new Float32Array(heap.buffer as ArrayBuffer, place, floats.length));
      return;
    }
    const codes = this.#view(heap, place, floats.length);
    for (let at = 0; at < floats.length; at++) floats[at] = (codes[at] - this.#zero) * this.#scale;
  }

  #view(heap: Uint8Array, place: number, length: number): Int8Array | Uint8Array {
    const kind = this.#dtype === "int8" ? Int8Array : Uint8Array;
    return new kind(heap.buffer as ArrayBuffer, place, length);
  }
}

/** Added and taken away it leaves an integer. */
const ROUNDING = 6755399441055744;
const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: "float32",
  3: "uint8",
  9: "int8",
  10: "float16",
};

function elements(tensor: TensorEntry): number {
  return tensor.shape.reduce((all, side) => all * side, 1);
}

function checkEnd(
  entry: GraphEntry,
  tensor: TensorEntry,
  type: ReturnType<Model["getInputTensorType"]>,
): void {
  const layout = type.layout();
  const dimensions = layout.dimensions();
  const shape = Array.from({ length: dimensions.size() }, (_, side) => dimensions.get(side));
  const dtype = TYPE_NAMES[type.elementType().value];
  dimensions.delete();
  layout.delete();
  type.delete();
  if (String(shape) !== String(tensor.shape) || dtype !== tensor.dtype) {
    throw new Refusal(
      `${entry.file} has not the end ${tensor.name} that the manifest says; pack the bundle anew`,
      "graph",
    );
  }
}
