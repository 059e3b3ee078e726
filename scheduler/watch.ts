/** Watches for NaN and infinities, and names the first node in topological order that goes bad: those above it are bad because of it. */
import { dtypeInfo, isInexact } from "../core/dtype.ts";
import { outputPrimitive } from "../core/tensor.ts";
import type { Computer } from "./compute.ts";
import { troubleOf } from "./diagnosis.ts";
import type { Failure, NodeState } from "./node.ts";

export class Watch {
  /** Nodes that were bad when last seen: each is reported when it goes bad, not as long as it stays so. */
  readonly #bad = new WeakSet<NodeState>();
  readonly #computer: Computer;
  readonly #fail: (failure: Failure) => void;

  constructor(computer: Computer, fail: (failure: Failure) => void) {
    this.#computer = computer;
    this.#fail = fail;
  }

  /** Looks at nodes that have just got new values, inputs before users. */
  inspect(nodes: readonly NodeState[]): void {
    for (const node of nodes) {
      const at = this.#badAt(node);
      if (at < 0) {
        this.#bad.delete(node);
        continue;
      }
      const known = this.#bad.has(node);
      this.#bad.add(node);
      if (!known && !node.inputs.some((input) => this.#bad.has(input))) this.#fail({ tensor: node.tensor, error: this.#error(node, at) });
    }
  }

  /** The first word that is no number, or -1. */
  #badAt(node: NodeState): number {
    if (node.failure || node.tensor.outputs.length > 1 || !isInexact(node.tensor.dtype)) return -1;
    return this.#computer.data(node, true).findIndex((v: number) => !Number.isFinite(v));
  }

  #error(node: NodeState, at: number): Error {
    const { tensor, inputs } = node;
    const [below] = inputs;
    const trouble = tensor.primitive === outputPrimitive ? troubleOf(below!.tensor, (k) => this.#computer.output(below!, k)) : undefined;
    if (trouble) return new Error(trouble.message);
    const from = inputs.length > 0 ? `, from ${inputs.map((n) => n.tensor.describe()).join(" and ")}, which are finite` : "";
    const site = tensor.createdAt();
    const value = this.#computer.data(node, true)[at];
    return new Error(
      `${tensor.describe()} has ${value} at element ${Math.floor(at / dtypeInfo(tensor.dtype).words)}${from}${site ? ` (made at ${site})` : ""}`,
    );
  }
}
