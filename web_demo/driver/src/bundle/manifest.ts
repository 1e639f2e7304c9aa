/** What a bundle says of itself: one record, in canonical form, to which all its files are bound. */

export interface FileEntry {
  readonly name: string;
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** An input or output of a graph. */
export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly layout: string;
  readonly dtype: string;
  /** What one step of an integer is worth, as a decimal number; empty for floats. */
  readonly scale: string;
  readonly zero_point: number;
}

export interface GraphEntry {
  readonly stage: string;
  readonly file: string;
  readonly input: TensorEntry;
  readonly output: TensorEntry;
  readonly golden: string;
  readonly gate_db: number;
}

/** One way of computing all there is: a target in a precision. */
export interface Variant {
  readonly target: string;
  readonly backend: string;
  readonly precision: string;
  readonly soc: string;
  /** Least and greatest noise, in hundredths of a level; empty without int8 ranges. */
  readonly noise_levels: readonly number[];
  readonly minimum: Readonly<Record<string, string>>;
  readonly graphs: readonly GraphEntry[];
}

export interface PictureEntry {
  /** `rgb`, or `y` for luma in studio swing. */
  readonly color: string;
  readonly scale: number;
  readonly reduction: number;
  readonly size_multiple: number;
  readonly halo_px: number;
}

export interface BurstEntry {
  readonly decoded_px: number;
  readonly network_halo_px: number;
}

export interface Manifest {
  readonly format: string;
  readonly major: number;
  readonly minor: number;
  readonly name: string;
  readonly task: string;
  readonly platform: string;
  readonly license: string;
  readonly variants: readonly Variant[];
  readonly files: readonly FileEntry[];
  readonly picture?: PictureEntry;
  readonly burst?: BurstEntry;
}
