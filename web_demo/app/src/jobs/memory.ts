/** Results of self-tests, kept between visits: a processor does not change, and tests take time. */
import type { Tested } from "./ways";

/** What tells results of one bundle, browser and number of threads from those of others. */
export function testKey(bundle: string): string {
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return `burst-zoom self-tests of ${bundle} by ${threads} threads of ${navigator.userAgent}`;
}

/** Results of this visit. */
const own = new Map<string, readonly Tested[]>();

/** Results of this visit or an earlier one; none if there are none, or storage is closed. */
export function recalled(key: string): readonly Tested[] {
  try {
    const text = localStorage.getItem(key);
    return own.get(key) ?? (text ? (JSON.parse(text) as readonly Tested[]) : []);
  } catch {
    return own.get(key) ?? [];
  }
}

/**
 * Keep results. What did not come to an end is tried anew at the next visit.
 *
 * Where storage is full or closed to the page, they last for this visit.
 */
export function remember(key: string, tested: readonly Tested[]): void {
  own.set(key, tested);
  try {
    localStorage.setItem(key, JSON.stringify(tested.filter((each) => "test" in each)));
  } catch {
    // The next visit tests once more, and says so while it does.
  }
}
