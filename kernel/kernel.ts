/**
 * Kernels: what a backend compiles. A kernel is structure only; sizes, strides, offsets and buffers are arguments
 * of each invocation (`Step`), so that a slider, a batch size or a point set changes arguments and compiles nothing.
 */
import type { Dim } from "../core/dim.ts";
import type { Storage } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import type { Control } from "./control.ts";
import { canonicalize, type Expr, exprOrder } from "./expr.ts";
import type { Routine } from "./routine.ts";
import type { View } from "./view.ts";

/** How an operand moves along the innermost axis of the index space: not at all, by one element, or by a stride argument. */
export type Inner = 0 | 1 | "strided";

export interface Access {
  readonly storage: Storage;
  readonly inner: Inner;
}

/** What is computed at each point: expressions over reads, one value per output (or the one value that is folded). */
export interface Body {
  readonly reads: readonly Storage[];
  readonly values: readonly Expr[];
  readonly key: string;
  /** Whether the values depend on positions ("index"), so that axes may not be merged. */
  readonly positional: boolean;
}

/** Bodies by the first of the values they were made of: many nodes have the same expressions, as objects. */
const made = new WeakMap<Expr, { readonly values: readonly Expr[]; readonly body: Body }[]>();

export function body(reads: readonly Storage[], values: readonly Expr[]): Body {
  const list = made.get(values[0]!) ?? [];
  const found = list.find((m) => sameList(m.values, values) && sameList(m.body.reads, reads));
  if (found) return found.body;
  const { roots, key } = canonicalize(values);
  const positional = exprOrder(roots).some((e) => e.op === "index");
  const b: Body = { reads, values: roots, key: `${reads.join()}|${key}`, positional };
  if (list.push({ values, body: b }) === 1) made.set(values[0]!, list);
  return b;
}

const sameList = <T>(a: readonly T[], b: readonly T[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

const indexed = new WeakMap<Body, ReadonlySet<number>>();

/** The reads of a body at positions that it computes: of which elements, nobody knows beforehand. */
export function indexedReads(b: Body): ReadonlySet<number> {
  let reads = indexed.get(b);
  if (!reads) indexed.set(b, (reads = new Set(exprOrder(b.values).flatMap((x) => (x.op === "at" ? [x.value] : [])))));
  return reads;
}

/**
 * How values are combined along the last axis of the index space.
 * - sum, prod, max, min: reductions by the fixed tree (see tree.ts); the writes have one axis less than the index space.
 * - argmax, argmin: the position (i32) of the first extreme; a NaN counts as extreme, and the first one wins.
 * - cumsum, cumprod, cummax, cummin: inclusive prefixes by the fixed blocked scan (tree.ts); the writes have the whole index space.
 */
export type Fold = Reduction | Scan;
export type Reduction = "sum" | "prod" | "max" | "min" | "argmax" | "argmin";
export type Scan = keyof typeof scans;

/** Each scan by the reduction that its last value is. */
export const scans = { cumsum: "sum", cumprod: "prod", cummax: "max", cummin: "min" } as const satisfies Record<string, Reduction>;
export const isScan = (fold: Fold | undefined): fold is Scan => fold !== undefined && fold in scans;

/**
 * A loop nest. The index space has `rank` axes (at least 1), outermost first. `reads[i]` is slot i of the body.
 * Without a fold, values[i] is stored through writes[i]. With a fold there is one value; a folded axis is the last one.
 */
export interface LoopKernel {
  readonly kind: "loop";
  readonly rank: number;
  readonly reads: readonly Access[];
  readonly writes: readonly Access[];
  readonly body: Body;
  readonly fold: Fold | undefined;
  readonly key: string;
}

/**
 * C[b,m,n] = sum over k of A[b,m,k] B[b,k,n], the sum by the fixed tree: bitwise the sum of the products.
 * sizes = [b, m, n, k]; reads A with strides [b, m, k] and B with strides [b, k, n]; writes C with strides [b, m, n].
 * A step may hold several products of the same sizes, as many as it writes: reads A0, B0, A1, B1, ...; writes C0, C1, ...
 * None reads what another writes. Integer types wrap.
 */
export interface MatmulKernel {
  readonly kind: "matmul";
  readonly storage: Storage;
  readonly key: string;
}

/**
 * out[b,o,j,i] = operand[b,o,j,i] + tree sum of updates[b,o,p,i] over those p, ascending, with indices[b,p] = j; where
 * there are none, operand. Indices outside 0..n-1 are dropped. sizes = [b, o, n, i, m] with p < m. Every operand is row-major
 * and contiguous: reads operand, indices (i32), updates; writes out. Integer types wrap.
 */
export interface ScatterAddKernel {
  readonly kind: "scatterAdd";
  readonly storage: Storage;
  readonly key: string;
}

/**
 * The stable permutation that sorts each row ascending (-0 and +0 equal, NaN last). sizes = [rows, n];
 * reads keys, writes positions (i32); both contiguous.
 */
export interface ArgsortKernel {
  readonly kind: "argsort";
  readonly storage: Storage;
  readonly key: string;
}

/**
 * A routine (routine.ts) in one float type. sizes[0] counts the items, which lie one after the other in each operand; all operands are
 * contiguous.
 */
export interface RoutineKernel {
  readonly kind: "routine";
  readonly routine: Routine;
  readonly storage: Storage;
  readonly key: string;
}

/**
 * Steps that work on rows, BLOCK rows at a time through all of them, so that what they leave each other stays in a cache: see rows.ts. sizes =
 * [rows]; reads and writes are all operands of the steps that are not local to a tile.
 */
export interface RowsKernel {
  readonly kind: "rows";
  readonly key: string;
}

/** What stands for a kernel in control steps (control.ts): backends run what is inside. */
export interface ControlKernel {
  readonly kind: "control";
  readonly key: string;
}

export type Kernel = LoopKernel | MatmulKernel | ScatterAddKernel | ArgsortKernel | RoutineKernel | RowsKernel;

/** A symbolic buffer: so many elements of a storage type. The scheduler decides where it lives, and when. */
export class Slot {
  readonly storage: Storage;
  readonly length: Dim;
  constructor(storage: Storage, length: Dim) {
    this.storage = storage;
    this.length = length;
  }
}

/** Where a kernel reads or writes: element offset and strides (in elements, one an axis of the index space) into a slot. */
export interface Operand {
  readonly slot: Slot;
  readonly offset: Dim;
  readonly strides: readonly Dim[];
}

/** One invocation of a kernel, over dimensions that may still be symbolic. */
export interface Step {
  readonly kernel: Kernel | ControlKernel;
  readonly sizes: readonly Dim[];
  readonly reads: readonly Operand[];
  readonly writes: readonly Operand[];
  readonly uniforms: readonly Dim[];
  /** For a loop kernel, the loop before its axes were merged: what fusion works on. */
  readonly loop?: Loop;
  /** For a rows kernel, its stages. */
  readonly rows?: Rows;
  /** For a loop or a branch around other steps, what it does. */
  readonly control?: Control;
}

/** A step of a rows kernel, and how rows lie in it. */
export interface Stage<S, D> {
  readonly step: S;
  /** The axis among the step's sizes that has the rows, outermost first. */
  readonly axis: number;
  /** How many positions of that axis a row has. */
  readonly unit: D;
  /** Whether it sums over the rows: its result is there when all tiles are done. */
  readonly reduces: boolean;
}

export interface Rows {
  readonly stages: readonly Stage<Step, Dim>[];
  /** What only these stages read and write, with the elements of a row. A tile's worth of it exists at a time. */
  readonly locals: ReadonlyMap<Slot, Dim>;
}

/** Where a step reads and writes, without settling its kernel: by views for a loop, by operands else. */
export const operandsOf = (step: Step): { readonly reads: readonly Operand[]; readonly writes: readonly Operand[] } => step.loop ?? step;

/** One loop nest over views, with all its axes. */
export interface Loop {
  /** The index space. Every read and write has this rank (strides 0 where it repeats); a folded axis is the last, and the writes lack it. */
  readonly shape: Shape;
  readonly body: Body;
  readonly reads: readonly View[];
  readonly writes: readonly View[];
  readonly fold?: Fold | undefined;
  readonly uniforms?: readonly Dim[];
}

const kernels = new Map<string, WeakRef<Kernel>>();
const forget = new FinalizationRegistry<string>((key) => kernels.get(key)?.deref() || kernels.delete(key));

/** The one kernel of this structure: backends may key what they compile by identity. */
export function internKernel<K extends Kernel>(kernel: K): K {
  const found = kernels.get(kernel.key)?.deref();
  if (found) return found as K;
  kernels.set(kernel.key, new WeakRef(kernel));
  forget.register(kernel, kernel.key);
  return kernel;
}

export function loopKernel(rank: number, reads: readonly Access[], writes: readonly Access[], b: Body, fold: Fold | undefined): LoopKernel {
  const show = (a: readonly Access[]): string => a.map((x) => `${x.storage}${x.inner}`).join();
  return internKernel({
    kind: "loop",
    rank,
    reads,
    writes,
    body: b,
    fold,
    key: `loop ${rank} ${show(reads)} ${show(writes)} ${fold ?? ""} ${b.key}`,
  });
}

export const matmulKernel = (storage: Storage): MatmulKernel => internKernel({ kind: "matmul", storage, key: `matmul ${storage}` });
export const scatterAddKernel = (storage: Storage): ScatterAddKernel =>
  internKernel({ kind: "scatterAdd", storage, key: `scatterAdd ${storage}` });
export const argsortKernel = (storage: Storage): ArgsortKernel => internKernel({ kind: "argsort", storage, key: `argsort ${storage}` });
export const routineKernel = (routine: Routine, storage: Storage): RoutineKernel =>
  internKernel({ kind: "routine", routine, storage, key: `${routine.name} ${storage}` });
export const rowsKernel: RowsKernel = { kind: "rows", key: "rows" };
export const controlKernel: ControlKernel = { kind: "control", key: "control" };
