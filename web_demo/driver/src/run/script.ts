/** Loading LiteRT's script where pages and workers differ. */
import { Refusal } from "../refusal.js";

interface Scope {
  define?: unknown;
  importScripts?: unknown;
  Module?: unknown;
  ModuleFactory?: unknown;
  document?: unknown;
}

/**
 * Makes the next `loadLiteRt` take a script that is fetched as a module.
 *
 * `loadLiteRt` calls `importScripts`, which module workers do not have. The script is of the
 * universal kind, and hands its factory to a function `define` where it finds one: so no text is
 * evaluated, and a page may forbid that.
 *
 * @param folder URL of the files of LiteRT, ending in `/`.
 * @param name of the script.
 * @returns takes back what was changed; to be called when `loadLiteRt` is done.
 */
export async function provideScript(folder: string, name: string): Promise<() => void> {
  const scope = globalThis as Scope;
  const { define, importScripts } = scope;
  let factory: unknown;
  const take = (_names: readonly string[], make: () => unknown): void => {
    factory = make();
  };
  scope.define = Object.assign(take, { amd: true });
  try {
    await import(/* @vite-ignore */ /* webpackIgnore: true */ folder + name);
  } catch (error) {
    throw new Refusal(
      `${folder}${name} cannot be loaded (${String(error)}); check wasmUrl`,
      "loading",
    );
  } finally {
    scope.define = define;
  }
  if (factory === undefined) {
    throw new Refusal(`${folder}${name} is no script of LiteRT; check wasmUrl`, "loading");
  }
  scope.ModuleFactory = factory;
  scope.Module = {
    locateFile: (file: string) => folder + file,
    mainScriptUrlOrBlob: folder + name,
  };
  // The script has been loaded: there is nothing left to import.
  scope.importScripts = () => undefined;
  return () => {
    if (importScripts === undefined) delete scope.importScripts;
    else scope.importScripts = importScripts;
  };
}
