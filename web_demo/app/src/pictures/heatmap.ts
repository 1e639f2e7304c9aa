/** A map of one number per place, and what number gets the lightest color. */
export interface Heat {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
  readonly most: number;
}

/** Dark blue to light yellow, even steps in lightness, told apart without seeing red or green. */
const COLORS: readonly (readonly [red: number, green: number, blue: number])[] = [
  [0, 32, 77],
  [49, 68, 107],
  [102, 105, 112],
  [149, 143, 120],
  [203, 186, 105],
  [255, 234, 70],
];

/** The colors as CSS, for a legend. */
export const LEGEND = COLORS.map((color) => `rgb(${color.join(" ")})`).join(", ");

/** A map in colors, 0 the darkest. */
export function heatmap({ width, height, data, most }: Heat): ImageData {
  const out = new ImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    const share = most > 0 ? Math.max(0, Math.min(1, data[at]! / most)) : 0;
    const step = Math.min(COLORS.length - 2, Math.floor(share * (COLORS.length - 1)));
    const part = share * (COLORS.length - 1) - step;
    for (let color = 0; color < 3; color++) {
      const [low, high] = [COLORS[step]![color]!, COLORS[step + 1]![color]!];
      out.data[4 * at + color] = Math.round(low + part * (high - low));
    }
    out.data[4 * at + 3] = 255;
  }
  return out;
}

/** Least, mean and most of a map. */
export function rangeOf(data: Float32Array): {
  readonly least: number;
  readonly mean: number;
  readonly most: number;
} {
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (const value of data) {
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  return { least, mean: sum / data.length, most };
}
