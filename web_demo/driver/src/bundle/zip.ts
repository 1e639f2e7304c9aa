/**
 * A bundle as one zip, in the one form that every reader takes alike.
 *
 * Entries are stored, one right after the other from the first byte on; the central directory
 * follows with the same names, sizes and checksums in the same order, and the end record ends the
 * file. Nothing is copied: contents are parts of the bytes that were given.
 */
import { Refusal } from "../refusal.js";
import { checkNames, MOST_LENGTH } from "./names.js";

const VERSION = 20;
const MOST_ENTRIES = 512;
const MOST_BYTES = 2 ** 30;
const LOCAL_SIZE = 30;
const CENTRAL_SIZE = 46;
const END_SIZE = 22;
const LOCAL_SIGN = 0x04034b50;
const CENTRAL_SIGN = 0x02014b50;
const END_SIGN = 0x06054b50;
/** Bytes of a local header, from its version to its sizes, that the directory repeats. */
const COMMON_SIZE = 22;

/** Files of a zip, by name. */
export class Container {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#entries = new Map(readZip(bytes).map((entry) => [entry.name, entry]));
  }

  /** Names, in the order of the zip. */
  names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Bytes of a file; `undefined` if there is none of that name. */
  size(name: string): number | undefined {
    return this.#entries.get(name)?.size;
  }

  /** Contents of a file that is there, of the checksum that the zip says. */
  read(name: string): Uint8Array {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Refusal(`holds no ${name}; pack it anew`, "listing");
    const contents = this.#bytes.subarray(entry.start, entry.start + entry.size);
    if (crc32(contents) !== entry.crc) {
      throw new Refusal(`${name}: is damaged; copy the bundle again`, "container");
    }
    return contents;
  }
}

interface Entry {
  readonly name: string;
  readonly start: number;
  readonly size: number;
  readonly crc: number;
}

function readZip(bytes: Uint8Array): readonly Entry[] {
  const total = bytes.length;
  if (total < END_SIZE || total > MOST_BYTES) {
    throw new Refusal(`has ${total} bytes and is no bundle; take another file`, "container");
  }
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) {
    throw new Refusal("is no zip and no bundle; take another file", "container");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, total);
  const end = total - END_SIZE;
  if (view.getUint32(end, true) !== END_SIGN) throw other("has no end: it is cut off, or no zip");
  const [disk, first, here, count] = [4, 6, 8, 10].map((at) => view.getUint16(end + at, true));
  const length = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (disk || first || here !== count || view.getUint16(end + 20, true)) {
    throw other("ends otherwise than edge-sdk ends one");
  }
  const longest = count * (CENTRAL_SIZE + MOST_LENGTH);
  if (count > MOST_ENTRIES || length > longest || start + length + END_SIZE !== total) {
    throw other(`says that it has ${count} entries, which do not fill it`);
  }
  const entries: Entry[] = [];
  let place = 0;
  let record = start;
  for (let index = 0; index < count; index++) {
    const entry = readEntry(bytes, view, record, start + length, place);
    entries.push(entry);
    place = entry.start + entry.size;
    record += CENTRAL_SIZE + entry.name.length;
  }
  if (record !== start + length) throw other("has a directory of another size than it says");
  if (place !== start) throw other("has bytes that belong to no entry");
  checkNames(entries.map((entry) => entry.name));
  return entries;
}

/** One record of the directory, and the local header at `place` that must repeat it. */
function readEntry(
  bytes: Uint8Array,
  view: DataView,
  record: number,
  end: number,
  place: number,
): Entry {
  if (record + CENTRAL_SIZE > end) throw other("has a directory that is cut off");
  const short = (at: number): number => view.getUint16(record + at, true);
  const long = (at: number): number => view.getUint32(record + at, true);
  const plain = short(4) === VERSION && short(6) === VERSION && !short(8) && !short(10);
  const size = long(24);
  if (long(0) !== CENTRAL_SIGN || !plain || long(20) !== size) {
    throw other("is compressed, encrypted or of another program");
  }
  if (short(30) || short(32) || short(34) || short(36) || long(38)) {
    throw other("has extra fields, comments or attributes, as other programs write them");
  }
  const length = short(28);
  const name = bytes.subarray(record + CENTRAL_SIZE, record + CENTRAL_SIZE + length);
  if (record + CENTRAL_SIZE + length > end || !name.every((sign) => sign < 0x80)) {
    throw other("has a name that is cut off or not ASCII");
  }
  const start = place + LOCAL_SIZE + length;
  const repeats =
    long(42) === place &&
    start <= bytes.length &&
    view.getUint32(place, true) === LOCAL_SIGN &&
    same(bytes, place + 4, record + 6, COMMON_SIZE) &&
    view.getUint16(place + 26, true) === length &&
    view.getUint16(place + 28, true) === 0 &&
    same(bytes, place + LOCAL_SIZE, record + CENTRAL_SIZE, length);
  if (!repeats) throw other("has an entry that its directory does not describe");
  return { name: String.fromCharCode(...name), start, size, crc: long(16) };
}

function same(bytes: Uint8Array, one: number, two: number, length: number): boolean {
  for (let at = 0; at < length; at++) if (bytes[one + at] !== bytes[two + at]) return false;
  return true;
}

function other(why: string): Refusal {
  return new Refusal(
    `this zip ${why}; take the file that edge-sdk pack wrote, not one zipped anew`,
    "container",
  );
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) {
    value = (CRC_TABLE[(value ^ bytes[at]) & 0xff] as number) ^ (value >>> 8);
  }
  return (value ^ 0xffffffff) >>> 0;
}
