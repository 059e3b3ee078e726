/**
 * Routines: kernels that are loops over scalars, such as factorizations of matrices. Each is written once, in terms of a `Machine`:
 * the interpreter's machine computes with numbers, a compiler's emits code, so that both do the same operations in the same order.
 *
 * A machine may be a compiler's, so a routine keeps to these rules: whatever depends on values is said to the machine; each value is used
 * once, where it is made (a variable keeps one); operands are evaluated in the order in which they are written.
 */
import type { Storage } from "../core/dtype.ts";

/** A scalar that changes. Called, it gives its value. */
export interface Variable<V> {
  (): V;
  set(value: V): void;
}

/** Something that may be read again and again, such as a variable or a sum of them. */
export type Index<V> = () => V;

export interface Machine<V> {
  /** Whole numbers: 32 bits, signed. */
  readonly int: (n: number) => V;
  readonly plus: (a: V, b: V) => V;
  readonly minus: (a: V, b: V) => V;
  readonly times: (a: V, b: V) => V;
  readonly less: (a: V, b: V) => V;
  readonly same: (a: V, b: V) => V;

  /** Numbers of the routine's float type, each operation rounded to it. */
  readonly real: (x: number) => V;
  readonly add: (a: V, b: V) => V;
  readonly sub: (a: V, b: V) => V;
  readonly mul: (a: V, b: V) => V;
  readonly div: (a: V, b: V) => V;
  readonly sqrt: (a: V) => V;
  readonly abs: (a: V) => V;
  readonly neg: (a: V) => V;
  /** Comparisons are false where one is NaN. */
  readonly lt: (a: V, b: V) => V;
  readonly eq: (a: V, b: V) => V;

  readonly and: (a: V, b: V) => V;
  readonly not: (a: V) => V;

  /** A new variable, which says nothing before it is set. */
  readonly variable: () => Variable<V>;
  /** Of whole numbers, or of places. */
  readonly counter: () => Variable<V>;
  /** A number of the float type that is used several times; in lanes each has its own. */
  readonly keep: (value: V) => Index<V>;

  /** The element of an operand, counted from where the present item begins. Reads come first, then writes, then the room. */
  readonly at: (operand: number, element: V) => V;
  /** So many elements beyond the place (default 0), a number that is known. */
  readonly load: (place: V, beyond?: number) => V;
  /** Likewise. In lanes the element moves on by `step` with i (default 1). */
  readonly store: (place: V, value: V, beyond?: number, step?: number) => void;
  readonly loadInt: (place: V) => V;
  readonly storeInt: (place: V, value: V) => void;

  /** i = from, from + 1, ..., to - 1. */
  readonly each: (from: V, to: V, body: (i: Index<V>) => void) => void;
  /** i = from - 1, from - 2, ..., to. */
  readonly down: (from: V, to: V, body: (i: Index<V>) => void) => void;
  /**
   * As each, in any order, or several at once: nothing of one i may depend on another. Every element that is loaded moves on by one with i, what is
   * stored by one or by the step that is given; variables are not set, but counters may be, as of the first of several.
   */
  readonly lanes: (from: V, to: V, body: (i: Index<V>) => void) => void;
  readonly if: (condition: V, then: () => void, otherwise?: () => void) => void;
  readonly while: (condition: () => V, body: () => void) => void;

  /** sizes[k] of the step; sizes[0] counts the items. */
  readonly size: (k: number) => V;
}

/** The product of these sizes, by their numbers: how many elements an operand has for each item. */
export type Extent = readonly number[];

export interface Routine {
  /** With all that distinguishes it: equal names are one kernel. */
  readonly name: string;
  /** `shared`: one for all items. */
  readonly reads: readonly { readonly extent: Extent; readonly type?: "i32"; readonly shared?: true }[];
  readonly writes: readonly { readonly extent: Extent; readonly type?: "i32" }[];
  /** Room that the routine needs for one item, in elements of the float type: the sum of these. */
  readonly room?: readonly { readonly extent: Extent }[];
  /** What one item costs, in multiplications, about. */
  cost(sizes: readonly number[]): number;
  /** Computes one item. */
  run<V>(m: Machine<V>): void;
}

export const extentOf = (extent: Extent, sizes: readonly number[]): number => extent.reduce((n, k) => n * sizes[k]!, 1);
export const roomOf = ({ room = [] }: Routine, sizes: readonly number[]): number =>
  room.reduce((n, { extent }) => n + extentOf(extent, sizes), 0);
export const storagesOf = (operands: Routine["reads"], storage: Storage): Storage[] => operands.map(({ type }) => type ?? storage);
