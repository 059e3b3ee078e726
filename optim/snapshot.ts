/**
 * The states of a training as bytes, and back: a header that says what each part is, the numbers, and a checksum over all of it. What was written by a
 * training of other shapes, was cut off, or has a flipped bit is refused, and nothing is taken over.
 */
import { arrayOf, type DType, dtypeInfo, storageBytes, type TypedArray } from "../core/dtype.ts";
import type { State } from "../core/source.ts";
import type { BaseEngine } from "../scheduler/base.ts";

const MAGIC = 0x4e584c46; // "FLXN" as bytes
const VERSION = 1;
/** Magic, version, length of the header, checksum of what follows. */
const PREFIX = 16;
/** Numbers begin on multiples of this. */
const ALIGNMENT = 8;

interface Part {
  readonly label: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

const partOf = (s: State): Part => ({ label: s.label ?? "", dtype: s.dtype, shape: s.shape as readonly number[] });
const show = ({ label, dtype, shape }: Part): string => `${label || "a state"} ${dtype}[${shape.join(", ")}]`;
const aligned = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;
const bytesOf = ({ dtype, shape }: Part): number => shape.reduce((n, d) => n * d, 1) * storageBytes(dtypeInfo(dtype).storage);

/** The numbers of states, all of one epoch. */
export const readStates = async (engine: BaseEngine, states: readonly State[]): Promise<readonly TypedArray[]> =>
  (await engine.read([...states])).map((v) => v.data);

/** The numbers of states as bytes. */
export function snapshotOf(states: readonly State[], numbers: readonly TypedArray[]): Uint8Array<ArrayBuffer> {
  const parts = states.map(partOf);
  const header = new TextEncoder().encode(JSON.stringify({ parts }));
  const start = aligned(PREFIX + header.length);
  const total = parts.reduce((n, p) => n + aligned(bytesOf(p)), start);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, header.length, true);
  bytes.set(header, PREFIX);
  let at = start;
  numbers.forEach((data, i) => {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += aligned(bytesOf(parts[i]!));
  });
  view.setUint32(12, checksum(bytes.subarray(PREFIX)), true);
  return bytes;
}

/** Writes a snapshot into the states that it was taken of, or into those of a training that was built alike: in one transaction, or not at all. */
export function restoreSnapshot(engine: BaseEngine, states: readonly State[], bytes: Uint8Array): void {
  const found = partsIn(bytes);
  if (found.length !== states.length)
    throw new Error(`load: the snapshot has ${found.length} states, the training ${states.length}; it is of another optimizer or network`);
  found.forEach(({ part }, i) => {
    const own = partOf(states[i]!);
    if (show(own) !== show(part)) throw new Error(`load: the snapshot has ${show(part)} where the training has ${show(own)}`);
  });
  engine.transaction(() => found.forEach(({ data }, i) => states[i]!.set(data)));
}

function partsIn(bytes: Uint8Array): { part: Part; data: TypedArray }[] {
  if (bytes.length < PREFIX) throw new Error(`load: ${bytes.length} bytes are no snapshot`);
  // Typed arrays need a buffer that begins where the bytes do.
  const own = bytes.slice();
  const view = new DataView(own.buffer);
  if (view.getUint32(0, true) !== MAGIC) throw new Error("load: these bytes are no snapshot of a training");
  const version = view.getUint32(4, true);
  if (version !== VERSION) throw new Error(`load: the snapshot has version ${version}; this release reads version ${VERSION}`);
  if (view.getUint32(12, true) !== checksum(own.subarray(PREFIX)))
    throw new Error("load: the snapshot is damaged: its checksum does not fit");
  const length = view.getUint32(8, true);
  const { parts } = JSON.parse(new TextDecoder().decode(own.subarray(PREFIX, PREFIX + length))) as { parts: readonly Part[] };
  let at = aligned(PREFIX + length);
  return parts.map((part) => {
    const Kind = arrayOf(dtypeInfo(part.dtype).storage);
    const size = bytesOf(part);
    const data = new Kind(own.buffer.slice(at, at + size));
    at += aligned(size);
    return { part, data };
  });
}

/** CRC-32 (ISO-HDLC). */
function checksum(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

const table = Int32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});
