/** What the scheduler asks of a device. Implemented by the interpreter (the judge), by `cpu`, and by `gpu`. */
import type { Storage, TypedArray } from "../core/dtype.ts";
import type { Kernel, Stage } from "./kernel.ts";

/** A device buffer: a number the backend gave out. 0 is never a buffer. */
export type Buffer = number;

/** An operand with its place: strides and offset in elements. */
export interface BoundOperand {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly strides: readonly number[];
  /** Whether it lies in the room that a rows kernel has for a tile: then `buffer` says nothing. */
  readonly local?: boolean;
  /** How many elements further on it lies with each round of the loops around its step, the outermost first. */
  readonly rounds?: readonly number[];
  /** In odd rounds of one of these loops (0 is the outermost), the place where it lies instead. Everything else stays as it is. */
  readonly odd?: { readonly loop: number; readonly buffer: Buffer; readonly offset: number };
}

/** A step whose dimensions and buffers are known. */
export interface BoundStep {
  readonly kernel: Kernel;
  readonly sizes: readonly number[];
  readonly reads: readonly BoundOperand[];
  readonly writes: readonly BoundOperand[];
  readonly uniforms: readonly number[];
  /** For a rows kernel: its stages, and the room that a tile needs for what is local, in bytes. */
  readonly rows?: { readonly stages: readonly Stage<BoundStep, number>[]; readonly bytes: number };
}

/**
 * A compiled plan is a tree of segments, so that loops and branches run inside the backend: `run` (kernels in order), `copy` (whole buffers, all
 * sources read before any destination is written), `loop` (so many rounds), `while` (rounds as long as the condition's segments leave a word
 * other than 0) and `branch` (one of the cases, by an i32 that is clamped).
 */
export type Segment =
  | { readonly kind: "run"; readonly steps: readonly BoundStep[] }
  | { readonly kind: "copy"; readonly copies: readonly { readonly from: Buffer; readonly to: Buffer; readonly bytes: number }[] }
  | { readonly kind: "loop"; readonly count: number; readonly body: readonly Segment[] }
  | {
      readonly kind: "while";
      readonly condition: readonly Segment[];
      readonly test: BoundOperand;
      readonly body: readonly Segment[];
    }
  | { readonly kind: "branch"; readonly index: BoundOperand; readonly cases: readonly (readonly Segment[])[] };

/** All steps of segments, each once. */
export const stepsIn = (segments: readonly Segment[]): readonly BoundStep[] =>
  segments.flatMap((s) => {
    switch (s.kind) {
      case "run":
        return s.steps;
      case "copy":
        return [];
      case "loop":
        return stepsIn(s.body);
      case "while":
        return [...stepsIn(s.condition), ...stepsIn(s.body)];
      case "branch":
        return s.cases.flatMap(stepsIn);
    }
  });

/** Prepared segments: kernels compiled, arguments written. Running one allocates nothing. */
export interface Program {
  run(): void;
  release(): void;
}

export interface Backend {
  readonly name: string;
  /** Bytes of device memory in use. */
  readonly bytesInUse: number;
  /** The most bytes that it can hold, if it knows. */
  readonly maxBytes?: number;
  /** At least `bytes` bytes, uninitialized. Throws an OutOfMemory error that says how much was asked for and is in use. */
  allocate(bytes: number): Buffer;
  free(buffer: Buffer): void;
  write(buffer: Buffer, data: TypedArray): void;
  /**
   * A live view of the first `length` elements. It shows what programs and writes do, until the buffer is freed; where memory that grows leaves
   * its views behind, they have length 0 from then on.
   */
  view(buffer: Buffer, storage: Storage, length: number): TypedArray;
  prepare(segments: readonly Segment[]): Program;
  dispose(): void;
}

export class OutOfMemory extends Error {
  override readonly name = "OutOfMemory";
}

/**
 * A program was broken off, because the device lost a part of itself that it can do without. Run it again: what it writes is undefined, what it
 * only reads is as it was.
 */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}
