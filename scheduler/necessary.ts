/**
 * The necessary set: the nodes that observers, reads and clocks need, directly or not. Walks are iterative. A node enters when it is
 * first asked for, is lowered once, and leaves in a sweep at the end of a flush, when its buffers go too.
 */
import { topological } from "../core/graph.ts";
import type { Tensor } from "../core/tensor.ts";
import { DimState, NodeState } from "./node.ts";

export interface NodeHooks {
  entered(node: NodeState): void;
  left(node: NodeState): void;
}

export class Necessary {
  readonly nodes = new Map<Tensor, NodeState>();
  readonly dims = new Map<string, DimState>();
  /** Changes with the set, with what observers look at, and with the cutoffs: plans of another version are void. */
  version = 0;
  /** Nodes that entered since the last version was taken up: they have no value yet. */
  readonly entered: NodeState[] = [];
  /** Nodes without a value, by their own fault or that of one below. */
  readonly failed = new Set<NodeState>();
  readonly #loose = new Set<NodeState>();
  readonly #hooks: NodeHooks;

  constructor(hooks: NodeHooks) {
    this.#hooks = hooks;
  }

  /** Asks for these nodes: they and all below them are necessary until as many calls of `drop`. */
  acquire(roots: readonly Tensor[]): NodeState[] {
    for (const t of topological(roots, (t) => !this.nodes.has(t))) {
      const inputs = t.inputs.map((x) => this.nodes.get(x)!);
      const node = new NodeState(t, inputs);
      this.nodes.set(t, node);
      for (const n of [...node.parts, node]) {
        for (const input of n.inputs) input.users.add(n);
        for (const name of n.leaf ? [] : n.names) this.#dim(name).users.add(n);
        this.entered.push(n);
      }
      this.version++;
      this.#hooks.entered(node);
    }
    return roots.map((t) => {
      const node = this.nodes.get(t)!;
      node.demand++;
      return node;
    });
  }

  drop(nodes: readonly NodeState[]): void {
    for (const node of nodes) if (--node.demand === 0) this.#loose.add(node);
  }

  /** An observer looks at these nodes now, or no longer. */
  watch(nodes: readonly NodeState[], by: 1 | -1): void {
    for (const node of nodes) {
      node.observers += by;
      if (node.observers === (by === 1 ? 1 : 0)) this.version++;
      if (node.observers === 0) node.published = undefined;
    }
  }

  /** Lets go of the nodes that nobody needs any more. */
  sweep(): void {
    if (this.#loose.size === 0) return;
    const stack = [...this.#loose];
    this.#loose.clear();
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (node.necessary || node.released) continue;
      node.released = true;
      this.failed.delete(node);
      this.nodes.delete(node.tensor);
      this.version++;
      for (const name of node.names) {
        const dim = this.dims.get(name);
        dim?.users.delete(node);
        if (dim?.users.size === 0) this.dims.delete(name);
      }
      for (const input of node.inputs) {
        input.users.delete(node);
        if (!input.necessary) stack.push(input);
      }
      this.#hooks.left(node);
    }
  }

  get hasLoose(): boolean {
    return this.#loose.size > 0;
  }

  #dim(name: string): DimState {
    let dim = this.dims.get(name);
    if (!dim) this.dims.set(name, (dim = new DimState()));
    return dim;
  }

  /** Throws unless edges are symmetric, heights increase, and everything here is needed (once nothing is loose). */
  invariant(): void {
    const check = (ok: boolean, node: NodeState, what: string): void => {
      if (!ok) throw new Error(`invariant: ${node.tensor.describe()}: ${what}`);
    };
    for (const [t, node] of this.nodes) {
      check(node.tensor === t && !node.released, node, "is not the state of its tensor");
      check(node.necessary || this.#loose.has(node), node, "nobody needs it");
      check(node.observers <= node.demand, node, "more observers than demand");
      const known = (input: NodeState | undefined, user: NodeState): void => {
        check(input?.users.has(user) === true, node, "an input does not know it");
        check(input!.height < user.height, node, "is not above its input");
      };
      node.inputs.forEach((input, i) => {
        const own = this.nodes.get(t.inputs[i]!);
        known(input, node);
        check(input === own || (input.whole === node && input.inputs[0] === own), node, "an input is not necessary");
        if (input !== own) known(own, input);
      });
      for (const user of node.users) check(user.inputs.includes(node) && !user.released, node, "a user does not use it");
    }
    for (const [name, dim] of this.dims)
      for (const user of dim.users)
        check(this.nodes.get(user.tensor) === (user.whole ?? user) && user.names.includes(name), user, `does not use ${name}`);
  }
}
