/** What the parts of a sum leave for each other: their results side by side, and the step that joins them as the tree does above its blocks. */
import { type Storage, storageBytes } from "../core/dtype.ts";
import type { BoundOperand, BoundStep } from "../kernel/backend.ts";
import * as e from "../kernel/expr.ts";
import { type Access, body, type Kernel, loopKernel } from "../kernel/kernel.ts";

export type Combine = (a: e.Expr, b: e.Expr) => e.Expr;

/** What parts leave: how many, of which sizes, and how they lie along the innermost axis where they are to go. */
export interface Results {
  readonly count: number;
  readonly sizes: readonly number[];
  readonly storage: Storage;
  readonly inner: Access["inner"];
  /** Memory that lives as long as the plan. */
  readonly stage: (bytes: number) => number;
}

/** The results of parts, side by side. */
export class PartialResults {
  readonly #results: Results;
  readonly #buffer: number;
  readonly #length: number;
  readonly #strides: readonly number[];

  constructor(results: Results) {
    const { count, sizes, storage, stage } = results;
    this.#results = results;
    this.#length = sizes.reduce((product, s) => product * s, 1);
    this.#strides = sizes.map((_, i) => sizes.slice(i + 1).reduce((product, s) => product * s, 1));
    this.#buffer = stage(count * this.#length * storageBytes(storage));
  }

  /** Where part p writes. */
  at(p: number, strides = this.#strides): BoundOperand {
    return { buffer: this.#buffer, offset: p * this.#length, strides };
  }

  /** Joins them pairwise, as the tree does above its blocks. */
  join(write: BoundOperand, combine: Combine): BoundStep {
    const { count, sizes, storage, inner } = this.#results;
    const scalar = sizes.length === 0;
    return {
      kernel: joinKernel(Math.max(1, sizes.length), count, storage, inner, combine),
      sizes: scalar ? [1] : sizes,
      reads: Array.from({ length: count }, (_, p) => this.at(p, scalar ? [1] : undefined)),
      writes: [scalar ? { ...write, strides: [1] } : write],
      uniforms: [],
    };
  }
}

function joinKernel(rank: number, count: number, storage: Storage, inner: Access["inner"], combine: Combine): Kernel {
  const reads: Access[] = Array.from({ length: count }, () => ({ storage, inner: 1 }));
  let level = reads.map((_, p) => e.read(p, storage));
  while (level.length > 1) {
    const above: e.Expr[] = [];
    for (let p = 0; p < level.length; p += 2) above.push(p + 1 < level.length ? combine(level[p]!, level[p + 1]!) : level[p]!);
    level = above;
  }
  const storages = reads.map((r) => r.storage);
  return loopKernel(rank, reads, [{ storage, inner }], body(storages, level), undefined);
}
