/** The constants of the driver: a bundle hands over their values, which stay near the contract's. */
import { CONTRACT } from "./contract_constants.js";
import type { Fields } from "./fields.js";

type Contract = typeof CONTRACT;
export type Module = keyof Contract;
type NameOf<M extends Module> = keyof Contract[M] & string;
/** Constants of a module that are lists, by their whole names. */
type ListOf<M extends Module> = {
  [N in NameOf<M>]: Contract[M][N] extends readonly number[] ? `${M}.${N}` : never;
}[NameOf<M>];
/** Constants that are lists. */
export type List = { [M in Module]: ListOf<M> }[Module];
/** The numbers of one module. */
export type Table<M extends Module> = {
  readonly [N in NameOf<M> as Contract[M][N] extends readonly number[] ? never : N]: number;
};

/** How many times a constant of a bundle may be the contract's, or the contract's it. */
const MOST_FACTOR = 4;

/** Names and values of a module. */
function valuesOf(module: Module): readonly (readonly [string, number | readonly number[]])[] {
  return Object.entries(CONTRACT[module]);
}

/** All names, such as `burst.driver.tiles.LATTICE_PX`. */
export function constantNames(): readonly string[] {
  return modules().flatMap((module) => valuesOf(module).map(([name]) => `${module}.${name}`));
}

/** The numbers of one module, of constants that fit. */
export function tableOf<M extends Module>(fields: Fields, module: M): Table<M> {
  const numbers = valuesOf(module).filter(([, known]) => typeof known === "number");
  return Object.fromEntries(
    numbers.map(([name]) => [name, fields.number(`${module}.${name}`)]),
  ) as unknown as Table<M>;
}

/**
 * The first constant that no driver may take; empty for none. One that is missing throws.
 *
 * Each is a finite number, or as many of them as in the contract; whole where the contract's, or all of
 * several, are; at least a quarter and at most four times it, so that 0 stays 0; and at most 1 where the
 * contract's is below 1. So a driver ends, and takes no more memory than the contract lets it.
 */
export function misfit(fields: Fields): string {
  for (const module of modules()) {
    for (const [name, known] of valuesOf(module)) {
      const key = `${module}.${name}`;
      const expected = typeof known === "number" ? [known] : known;
      const found = typeof known === "number" ? [fields.number(key)] : fields.numbers(key);
      const isWhole = expected.every(Number.isInteger);
      const isNear = expected.every((value, at) => fits(found[at], value, isWhole));
      if (found.length !== expected.length || !isNear) return key;
    }
  }
  return "";
}

function modules(): readonly Module[] {
  return Object.keys(CONTRACT) as Module[];
}

function fits(found: number | undefined, known: number, isWhole: boolean): boolean {
  if (found === undefined) return false;
  if (known === 0 || found === 0) return found === known;
  const [size, own] = [Math.abs(found), Math.abs(known)];
  const most = own >= 1 ? MOST_FACTOR * own : Math.min(MOST_FACTOR * own, 1);
  const fitsKind = Number.isInteger(found) || !isWhole;
  return fitsKind && found * known > 0 && own / MOST_FACTOR <= size && size <= most;
}
