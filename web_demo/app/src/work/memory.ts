/** Results of self-tests, kept between visits: a processor does not change, and tests take time. */
import type { Tested } from "./ways";

/** What tells results of one bundle, browser and number of threads from those of others. */
export function testKey(bundle: string): string {
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return `burst-zoom tests of ${bundle} by ${threads} threads of ${navigator.userAgent}`;
}

/** Results of an earlier visit; none if there are none, or storage is closed to the page. */
export function recalled(key: string): readonly Tested[] {
  try {
    const text = localStorage.getItem(key);
    return text ? (JSON.parse(text) as readonly Tested[]) : [];
  } catch {
    return [];
  }
}

/** Keep results. @returns whether that was possible. */
export function remember(key: string, tested: readonly Tested[]): boolean {
  try {
    localStorage.setItem(key, JSON.stringify(tested));
    return true;
  } catch {
    return false;
  }
}
