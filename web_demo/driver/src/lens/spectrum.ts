/** Power spectra of small blocks: what two halves of a burst have in common, and what each has. */

/** Common and own power at the frequencies of a half plane, [side, side/2 + 1] each. */
export interface Powers {
  readonly common: Float64Array;
  readonly own: Float64Array;
}

/** Adds the powers of two blocks of side², side a power of two, of which each mean is taken off. */
export function addPowers(
  first: Float32Array,
  second: Float32Array,
  side: number,
  powers: Powers,
): void {
  const [aRe, aIm] = transformed(first, side);
  const [bRe, bIm] = transformed(second, side);
  const half = side / 2 + 1;
  for (let row = 0, to = 0; row < side; row++) {
    for (let column = 0; column < half; column++, to++) {
      const at = row * side + column;
      powers.common[to] += aRe[at] * bRe[at] + aIm[at] * bIm[at];
      const square = aRe[at] ** 2 + aIm[at] ** 2 + bRe[at] ** 2 + bIm[at] ** 2;
      powers.own[to] += 0.5 * square;
    }
  }
}

function transformed(block: Float32Array, side: number): readonly [Float64Array, Float64Array] {
  let sum = 0;
  for (const value of block) sum += value;
  const mean = sum / block.length;
  const window = Float64Array.from({ length: side }, (_, at) => {
    return 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / (side - 1));
  });
  const re = Float64Array.from(block, (value, at) => {
    return (value - mean) * window[Math.floor(at / side)] * window[at % side];
  });
  const im = new Float64Array(re.length);
  for (let row = 0; row < side; row++) transform(re, im, row * side, 1, side);
  for (let column = 0; column < side; column++) transform(re, im, column, side, side);
  return [re, im];
}

/** Fourier transform, in place, of n values that lie `stride` apart; n is a power of two. */
function transform(
  re: Float64Array,
  im: Float64Array,
  first: number,
  stride: number,
  n: number,
): void {
  for (let at = 1, other = 0; at < n; at++) {
    let bit = n >> 1;
    for (; other & bit; bit >>= 1) other ^= bit;
    other ^= bit;
    if (at < other) {
      swap(re, first + at * stride, first + other * stride);
      swap(im, first + at * stride, first + other * stride);
    }
  }
  for (let length = 2; length <= n; length <<= 1) {
    for (let k = 0; k < length / 2; k++) {
      const angle = (-2 * Math.PI * k) / length;
      const [turnRe, turnIm] = [Math.cos(angle), Math.sin(angle)];
      for (let start = k; start < n; start += length) {
        const one = first + start * stride;
        const two = one + (length / 2) * stride;
        const partRe = re[two] * turnRe - im[two] * turnIm;
        const partIm = re[two] * turnIm + im[two] * turnRe;
        re[two] = re[one] - partRe;
        im[two] = im[one] - partIm;
        re[one] += partRe;
        im[one] += partIm;
      }
    }
  }
}

function swap(values: Float64Array, one: number, other: number): void {
  const held = values[one];
  values[one] = values[other];
  values[other] = held;
}
