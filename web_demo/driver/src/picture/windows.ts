/** Windows that cover an axis, all inside it: none sees anything but the picture. */

/** One window along one axis, in pixels of the picture. */
export interface Span {
  readonly start: number;
  /** First pixel whose result is kept. */
  readonly ownStart: number;
  /** Pixel after the last whose result is kept. */
  readonly ownEnd: number;
}

/**
 * Windows along an axis, each keeping what its halo makes exact, and all where the picture ends.
 *
 * @param length of the axis, at least `window`; a multiple of `multiple`, as `window` is.
 */
export function windowSpans(
  length: number,
  window: number,
  halo: number,
  multiple: number,
): readonly Span[] {
  const spans: Span[] = [];
  for (let ownStart = 0; ownStart < length; ) {
    const wanted = Math.max(0, ownStart - halo);
    const start = Math.min(wanted - (wanted % multiple), length - window);
    const isLast = start + window === length;
    const ownEnd = isLast ? length : start + window - halo;
    spans.push({ start, ownStart, ownEnd });
    ownStart = ownEnd;
  }
  return spans;
}
