/**
 * Which necessary nodes are dirty, and what to do about it. Dirt spreads by height, from what changed, over edges up; what must be
 * computed is the part of it that a target needs, found on the way down.
 *
 * Both walks are remembered. The dirty set is a state of an automaton: a change leads from state to state, and so does a plan, which leaves
 * fewer nodes dirty (none at all, except in ticks, where only what `next` needs is computed). Equal sets are one state. So a change that
 * happened before costs two look-ups, and no walk:
 *
 *     clean --(k changed)--> {a, b, loss} --(plan for observers)--> clean
 *
 * All states and plans belong to one version of the necessary set.
 */
import type { Necessary } from "./necessary.ts";
import type { NodeState, Origin } from "./node.ts";
import { Plan } from "./plan.ts";
import type { Counters } from "./stats.ts";

/** What a plan is for: the nodes whose values are wanted. One object for each purpose, because plans are remembered by it. */
export interface Target {
  wants(node: NodeState): boolean;
}

/** The steps of a path of changes, and the state it leads to. */
interface Path {
  then: Map<Origin, Path> | undefined;
  state: DirtySet | undefined;
}

interface DirtySet extends Path {
  /** In order of height. */
  readonly nodes: readonly NodeState[];
  readonly plans: Map<Target, { readonly plan: Plan; readonly left: DirtySet }>;
}

/** When so many plans are remembered, all are forgotten: patterns that matter come back. */
const PLAN_LIMIT = 512;

let walks = 0;
/** Levels of the walk by height; kept, so that they grow once. */
const levels: NodeState[][] = [];

export class Dirt {
  readonly #necessary: Necessary;
  readonly #counters: Counters;
  #version = -1;
  #state: DirtySet = { nodes: [], plans: new Map(), then: undefined, state: undefined };
  readonly #states = new Map<number, DirtySet[]>();
  #plans: Plan[] = [];

  constructor(necessary: Necessary, counters: Counters) {
    this.#necessary = necessary;
    this.#counters = counters;
  }

  get dirty(): readonly NodeState[] {
    return this.#state.nodes;
  }

  /** Takes up the necessary set as it is now. Whether plans were forgotten. */
  refresh(): boolean {
    const { version, entered, failed } = this.#necessary;
    if (version === this.#version && this.#plans.length < PLAN_LIMIT) return false;
    const dirty = new Set(this.#state.nodes);
    // A node that failed gets another chance: what it lacked, memory above all, may be there now.
    for (const n of [...failed, ...entered.splice(0)]) if (!n.leaf) dirty.add(n);
    for (const n of dirty) if (n.released) dirty.delete(n);
    this.forget();
    this.#version = version;
    this.#state = this.#intern(byHeight(dirty));
    return true;
  }

  forget(): void {
    for (const plan of this.#plans) plan.release();
    this.#plans = [];
    this.#states.clear();
  }

  /** Makes dirty what depends on these. */
  mark(changed: readonly Origin[]): void {
    let path: Path = this.#state;
    for (const origin of changed.length > 1 ? [...changed].sort((a, b) => a.order - b.order) : changed) {
      path.then ??= new Map();
      let next = path.then.get(origin);
      if (!next) path.then.set(origin, (next = { then: undefined, state: undefined }));
      path = next;
    }
    if (path === this.#state) return;
    this.#state = path.state ??= this.#intern(this.#spread(changed));
  }

  /** The plan that computes what the target wants, as far as cutoffs let it; nothing when all of that is clean. The caller runs it. */
  take(target: Target): Plan | undefined {
    const from = this.#state;
    if (from.nodes.length === 0) return undefined;
    let found = from.plans.get(target);
    if (found) this.#counters.plansReused++;
    else {
      const nodes = this.#needed(target);
      const plan = new Plan(nodes);
      const chosen = new Set(nodes);
      found = { plan, left: this.#intern(from.nodes.filter((n) => !chosen.has(n))) };
      from.plans.set(target, found);
      this.#plans.push(plan);
      if (nodes.length > 0) this.#counters.plansBuilt++;
    }
    this.#state = found.left;
    return found.plan.nodes.length > 0 ? found.plan : undefined;
  }

  /** The dirty nodes, and the users of what changed and theirs, in order of height. A cutoff node holds changes back. */
  #spread(changed: readonly Origin[]): NodeState[] {
    const before = this.#state.nodes.length;
    const start = new Set(this.#state.nodes);
    for (const origin of changed) for (const user of origin.users) start.add(user);
    const order = byHeight(start, (n, put) => {
      if (!n.cutoff) for (const user of n.users) put(user);
    });
    this.#counters.nodesMarked += order.length - before;
    return order;
  }

  /** The dirty nodes that the target needs and that wait for no cutoff, in order of height. */
  #needed(target: Target): NodeState[] {
    const { nodes } = this.#state;
    const walk = ++walks;
    for (const n of nodes) n.dirty = walk;
    // What is above a dirty cutoff node waits for it. It need not be dirty itself, but whoever wants it needs the cutoff node.
    const all = nodes.some((n) => n.cutoff)
      ? byHeight(nodes, (n, put) => {
          if (n.waiting !== walk && !(n.cutoff && n.dirty === walk)) return;
          for (const user of n.users) {
            user.waiting = walk;
            put(user);
          }
        })
      : nodes;
    const chosen: NodeState[] = [];
    for (let i = all.length - 1; i >= 0; i--) {
      const n = all[i]!;
      if (n.needed !== walk && !target.wants(n)) continue;
      for (const input of n.inputs) input.needed = walk;
      if (n.dirty === walk && n.waiting !== walk) chosen.push(n);
    }
    return chosen.reverse();
  }

  /** The one state for a set of nodes. */
  #intern(nodes: readonly NodeState[]): DirtySet {
    let hash = nodes.length;
    const walk = ++walks;
    for (const n of nodes) {
      hash = (hash + Math.imul(n.tensor.id, 0x9e3779b1)) | 0;
      n.reached = walk;
    }
    let bucket = this.#states.get(hash);
    if (!bucket) this.#states.set(hash, (bucket = []));
    const found = bucket.find((s) => s.nodes.length === nodes.length && s.nodes.every((n) => n.reached === walk));
    if (found) return found;
    const state: DirtySet = { nodes, plans: new Map(), then: undefined, state: undefined };
    bucket.push(state);
    return state;
  }

  /** Throws unless what is not dirty has clean inputs, cutoffs aside, and only necessary nodes are dirty. */
  invariant(): void {
    if (this.#version !== this.#necessary.version) return;
    const dirty = new Set(this.#state.nodes);
    for (const n of dirty) {
      if (n.released) throw new Error(`invariant: ${n.tensor.describe()} is dirty and not necessary`);
      if (!n.cutoff)
        for (const user of n.users) if (!dirty.has(user)) throw new Error(`invariant: ${user.tensor.describe()} is above dirt and clean`);
    }
  }
}

type Put = (n: NodeState) => void;

/** These nodes, and those that `visit` adds above the one it is given: each once, in order of height. */
function byHeight(start: Iterable<NodeState>, visit?: (n: NodeState, put: Put) => void): NodeState[] {
  const walk = ++walks;
  const order: NodeState[] = [];
  let low = Infinity;
  let high = -1;
  const put: Put = (n) => {
    if (n.reached === walk) return;
    n.reached = walk;
    const { height } = n.tensor;
    if (height < low) low = height;
    if (height > high) high = height;
    while (levels.length <= height) levels.push([]);
    levels[height]!.push(n);
  };
  for (const n of start) put(n);
  for (let h = low; h <= high; h++) {
    const level = levels[h]!;
    for (const n of level) {
      order.push(n);
      visit?.(n, put);
    }
    level.length = 0;
  }
  return order;
}
