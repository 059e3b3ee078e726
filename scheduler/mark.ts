/**
 * Which necessary nodes have no value in memory, and what to do about it. They are absent for one of two reasons: **dirty** nodes
 * depend on something that changed; **passing** nodes are up to date, but their values existed only inside a fused kernel. Dirt spreads by
 * height, from what changed, over edges up; what must be computed is the absent part of what a target needs, found on the way down.
 *
 * Both walks are remembered, in states.ts: a change that happened before costs two look-ups, and no walk.
 *
 * A dirty node that needs a passing value shows where the frontier of a change runs: from then on that value is stored, and the
 * same change finds it the next time. Where a sum of many terms has changed in some of them, the frontier of changes like it runs through the
 * others.
 *
 * All states and plans belong to one version of the necessary set.
 */
import type { List } from "./list.ts";
import type { Necessary } from "./necessary.ts";
import { countNodes, type NodeState, type Origin } from "./node.ts";
import { Plan } from "./plan.ts";
import { type Absent, States, type Target, type Way } from "./states.ts";
import type { Counters } from "./stats.ts";

const noNodes: ReadonlySet<NodeState> = new Set();

/** Plans for fewer nodes are made at once. */
const LARGE = 1000;
/** A plan is good enough when this part of its nodes is needed. */
const WORTHWHILE = 0.8;

let walks = 0;
/** Levels of the walk by height; kept, so that they grow once. */
const levels: NodeState[][] = [];

export class Dirt {
  readonly #necessary: Necessary;
  readonly #counters: Counters;
  readonly #states = new States();
  #version = -1;
  #state = this.#states.intern([], noNodes);
  #fusion: boolean;

  constructor(necessary: Necessary, counters: Counters, fusion: boolean) {
    this.#fusion = fusion;
    this.#necessary = necessary;
    this.#counters = counters;
  }

  get dirty(): readonly NodeState[] {
    const { nodes, passing } = this.#state;
    return nodes.filter((n) => !passing.has(n));
  }

  get fusion(): boolean {
    return this.#fusion;
  }

  /** Whether plans may leave values inside kernels. All plans are made anew. */
  set fusion(on: boolean) {
    this.#fusion = on;
    this.#version = -1;
  }

  get plansHeld(): number {
    return this.#states.plansHeld;
  }

  /** Whether the necessary set is another than was taken up last. */
  get stale(): boolean {
    return this.#necessary.version !== this.#version;
  }

  /** Takes up the necessary set as it is now. Whether plans were forgotten. */
  refresh(): boolean {
    if (!this.stale) return false;
    const { version, entered, failed } = this.#necessary;
    const absent = new Set(this.#state.nodes);
    const passing = new Set(this.#state.passing);
    // A node that failed gets another chance: what it lacked, memory above all, may be there now.
    for (const n of [...failed, ...entered.splice(0)]) if (!n.leaf) absent.add(n);
    for (const n of absent) {
      if (n.released) absent.delete(n);
      if (n.released || n.failure) passing.delete(n);
    }
    this.forget();
    this.#version = version;
    this.#state = this.#states.intern(byHeight(absent), passing);
    return true;
  }

  forget(): void {
    this.#states.clear();
  }

  /** Nobody will ask for this target again. */
  forgetTarget(target: Target): void {
    this.#states.dropTarget(target);
  }

  /** Makes dirty what depends on these. */
  mark(changed: List<Origin>): void {
    if (changed.length === 0) return;
    const from = this.#state;
    const known = this.#states.after(from, changed);
    if (known) {
      this.#state = known.to;
      this.#counters.nodesDirty += known.marked;
      return;
    }
    const { to, marked } = this.#spread(changed.toArray());
    this.#state = to;
    this.#counters.nodesMarked += marked;
    this.#counters.nodesDirty += marked;
    this.#states.addChange(from, changed, to, marked);
  }

  /** How to compute what the target wants, as far as cutoffs let it; nothing when all of that is there. The caller runs the plan, and says so. */
  take(target: Target): Way | undefined {
    const from = this.#state;
    if (from.nodes.length === 0) return undefined;
    let way = this.#states.way(from, target);
    if (way && !way.provisional) this.#counters.plansReused++;
    else this.#states.addWay(from, (way = this.#find(target, way === undefined)));
    if (way.plan.nodes.length > 0) return way;
    this.#state = way.left;
    return undefined;
  }

  /** The plan that was taken for the target has run. What it leaves behind may have been settled anew meanwhile. */
  passed(way: Way): void {
    let now = way;
    if (way.from !== this.#state || way.settlements !== way.plan.settlements)
      this.#states.addWay(this.#state, (now = this.#way(way.plan, way.target, way.provisional)));
    this.#state = now.left;
  }

  /** The values of these nodes are no longer in memory. They are as up to date as they were. */
  gone(evicted: readonly NodeState[]): void {
    const { nodes, passing } = this.#state;
    const known = new Set(nodes);
    const more = evicted.filter((n) => !known.has(n));
    if (more.length > 0) this.#state = this.#states.intern(byHeight([...nodes, ...more]), new Set([...passing, ...more]));
  }

  /** The nodes without a value in memory. */
  absent(): ReadonlySet<NodeState> {
    return new Set(this.#state.nodes);
  }

  /** A plan takes long to make, so a large change is first met with a ready one that does too much, if there is any. */
  #find(target: Target, first: boolean): Way {
    const nodes = this.#needed(target);
    let plan = first && nodes.length >= LARGE ? this.#ready(nodes, target) : undefined;
    const provisional = plan !== undefined && (nodes.length < WORTHWHILE * plan.nodes.length || leavesFrontier(plan));
    if (plan) this.#counters.plansReused++;
    else {
      plan = new Plan(nodes, this.#fusion);
      if (nodes.length > 0) this.#counters.plansBuilt++;
    }
    if (provisional) this.#counters.plansCovering++;
    else if (!first) this.#counters.plansSpecialized++;
    return this.#way(plan, target, provisional);
  }

  #ready(nodes: readonly NodeState[], target: Target): Plan | undefined {
    for (const plan of this.#states.plansFor(target)) if (this.#serves(plan, nodes, target)) return plan;
    return undefined;
  }

  /** Whether a plan computes all of these nodes, and everything that it reads is there. What else it computes comes out as it was. */
  #serves(plan: Plan, nodes: readonly NodeState[], target: Target): boolean {
    if (plan.nodes.length < nodes.length || plan.cutoffs.length > 0) return false;
    return (
      nodes.every((n) => plan.members.has(n) && !(target.wants(n) && plan.passing.has(n))) &&
      this.#state.nodes.every((n) => !n.cutoff && !plan.reads.has(n))
    );
  }

  /** What running a plan in this state comes to. */
  #way(plan: Plan, target: Target, provisional: boolean): Way {
    const { nodes, passing } = this.#state;
    const left = nodes.filter((n) => !plan.members.has(n) || plan.passing.has(n));
    const dirty = nodes.filter((n) => !passing.has(n) && plan.members.has(n));
    return {
      plan,
      target,
      from: this.#state,
      settlements: plan.settlements,
      left: this.#states.intern(left, new Set(left.filter((n) => passing.has(n) || plan.passing.has(n)))),
      observed: dirty.filter((n) => n.observers > 0),
      recomputed: plan.size - countNodes(dirty),
      provisional,
    };
  }

  /** Dirt on the users of what changed, and on theirs. A cutoff node holds changes back. */
  #spread(changed: readonly Origin[]): { readonly to: Absent; readonly marked: number } {
    const { nodes, passing } = this.#state;
    const start = new Set(nodes.filter((n) => !passing.has(n)));
    const before = countNodes(start);
    for (const origin of changed) for (const user of origin.users) start.add(user);
    const dirty = byHeight(start, (n, put) => {
      if (!n.cutoff) for (const user of n.users) put(user);
    });
    const marked = countNodes(dirty) - before;
    if (passing.size === 0) return { to: this.#states.intern(dirty, noNodes), marked };
    const reached = new Set(dirty);
    const still = new Set([...passing].filter((n) => !reached.has(n)));
    return { to: this.#states.intern(byHeight([...dirty, ...still]), still), marked };
  }

  /** The absent nodes that the target needs and that wait for no cutoff, in order of height. Finds the frontier as it goes. */
  #needed(target: Target): NodeState[] {
    const { nodes, passing } = this.#state;
    const walk = ++walks;
    for (const n of nodes) n.absent = walk;
    // What is above an absent cutoff node waits for it. It need not be absent itself, but whoever wants it needs the cutoff node.
    const all = nodes.some((n) => n.cutoff)
      ? byHeight(nodes, (n, put) => {
          if (n.waiting !== walk && !(n.cutoff && n.absent === walk)) return;
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
      const dirty = !passing.has(n);
      if (!dirty && n.neededByDirt === walk) (n.whole ?? n).frontier = true;
      if (dirty && n.addsMany && !n.addedInPart && n.inputs.some((x) => !x.leaf && (x.absent !== walk || passing.has(x)))) addInPart(n);
      for (const input of n.inputs) {
        input.needed = walk;
        if (dirty) input.neededByDirt = walk;
      }
      // A part goes into the buffer of the whole, in the plan that computes that.
      if (n.absent === walk && (n.whole ?? n).waiting !== walk) chosen.push(n);
    }
    return chosen.reverse();
  }

  /** Throws unless what is not dirty has clean inputs, cutoffs aside, and only necessary nodes are absent. */
  invariant(): void {
    if (this.#version !== this.#necessary.version) return;
    const dirty = new Set(this.dirty);
    for (const n of this.#state.nodes) if (n.released) throw new Error(`invariant: ${n.tensor.describe()} is absent and not necessary`);
    for (const n of dirty) {
      if (n.released) throw new Error(`invariant: ${n.tensor.describe()} is dirty and not necessary`);
      // What failed for want of room may have been up to date: then what is above it is, too.
      if (!n.cutoff && !n.failure)
        for (const user of n.users) if (!dirty.has(user)) throw new Error(`invariant: ${user.tensor.describe()} is above dirt and clean`);
    }
  }
}

/** Some terms of a sum of many have changed and others not: next time it may be others. All of them, and the sum's branches, are stored from now on. */
function addInPart(sum: NodeState): void {
  const open = [sum];
  for (let n = open.pop(); n; n = open.pop()) {
    n.addedInPart = true;
    for (const input of n.inputs) {
      input.frontier ||= !input.leaf;
      if (input.addsMany && !input.addedInPart) open.push(input);
    }
  }
}

/** Whether a plan leaves values behind that this change has turned out to need. */
const leavesFrontier = ({ nodes, passing }: Plan): boolean => nodes.some((n) => n.frontier && passing.has(n));

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
    const { height } = n;
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
