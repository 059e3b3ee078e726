/** What was read stays necessary for a few flushes, so that a loop of writes and reads finds its plan again; so does what a clock ticks. */
import type { Tensor } from "../core/tensor.ts";
import type { Necessary } from "./necessary.ts";
import type { NodeState } from "./node.ts";

const FLUSHES = 8;

export class Retention {
  readonly #necessary: Necessary;
  readonly #until = new Map<NodeState, number>();
  #flush = 0;
  /** The first flush at whose end something may have to go. */
  #due = Infinity;

  constructor(necessary: Necessary) {
    this.#necessary = necessary;
  }

  /** The states of these nodes, necessary from now until they have not been asked for during some flushes. */
  keep(tensors: readonly Tensor[]): NodeState[] {
    return tensors.map((t) => {
      let node = this.#necessary.nodes.get(t);
      if (!node || !this.#until.has(node)) node = this.#necessary.acquire([t])[0]!;
      this.#until.set(node, this.#flush + FLUSHES);
      this.#due = Math.min(this.#due, this.#flush + FLUSHES + 1);
      return node;
    });
  }

  /** A flush has ended. */
  expire(): void {
    if (++this.#flush < this.#due) return;
    this.#due = Infinity;
    for (const [node, until] of this.#until)
      if (until < this.#flush) this.#let(node);
      else this.#due = Math.min(this.#due, until + 1);
  }

  /** Lets go of everything now. */
  clear(): void {
    for (const node of [...this.#until.keys()]) this.#let(node);
  }

  #let(node: NodeState): void {
    this.#until.delete(node);
    this.#necessary.drop([node]);
  }
}
