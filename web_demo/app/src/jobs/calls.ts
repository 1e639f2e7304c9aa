/** Typed calls of a worker's methods: one message there, one back. */

type Method = (...parameters: never[]) => unknown;
type Methods<Api> = { [Name in keyof Api]: Method };

/** What a page sees of an object that lives in a worker: the same methods, each a promise. */
export type Remote<Api extends Methods<Api>> = {
  readonly [Name in keyof Api]: (
    ...parameters: Parameters<Api[Name]>
  ) => Promise<Awaited<ReturnType<Api[Name]>>>;
};

interface Question {
  readonly id: number;
  readonly method: string;
  readonly parameters: readonly unknown[];
}

type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string; readonly name: string };

const moved = new WeakMap<object, Transferable[]>();

/** Mark what of an answer, or of a parameter, is moved between threads rather than copied. */
export function moving<Value extends object>(value: Value, parts: Transferable[]): Value {
  moved.set(value, parts);
  return value;
}

function transfers(values: readonly unknown[]): Transferable[] {
  return values.flatMap((value) => (value instanceof Object ? (moved.get(value) ?? []) : []));
}

/** Answer calls in a worker. Errors arrive with their message and name alone. */
export function answer<Api extends Methods<Api>>(api: Api): void {
  const scope = self as unknown as {
    onmessage: (event: MessageEvent<Question>) => void;
    postMessage(message: Answer, parts: Transferable[]): void;
  };
  scope.onmessage = async ({ data: { id, method, parameters } }) => {
    try {
      const value: unknown = await (api[method as keyof Api] as Method)(...(parameters as never[]));
      scope.postMessage({ id, value }, transfers([value]));
    } catch (error) {
      const { message, name } = error instanceof Error ? error : new Error(String(error));
      scope.postMessage({ id, error: message, name }, []);
    }
  };
}

/** Call the methods of an object that a worker answers for. */
export function remote<Api extends Methods<Api>>(worker: Worker): Remote<Api> {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let last = 0;
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const caller = waiting.get(data.id);
    waiting.delete(data.id);
    if ("value" in data) caller?.resolve(data.value);
    else caller?.reject(Object.assign(new Error(data.error), { name: data.name }));
  };
  worker.onerror = (event) => {
    for (const caller of waiting.values())
      caller.reject(new Error(event.message || "a worker ended"));
    waiting.clear();
  };
  return new Proxy({} as Remote<Api>, {
    get:
      (_, method) =>
      (...parameters: unknown[]) =>
        new Promise((resolve, reject) => {
          const question: Question = { id: ++last, method: String(method), parameters };
          waiting.set(question.id, { resolve, reject });
          worker.postMessage(question, transfers(parameters));
        }),
  });
}
