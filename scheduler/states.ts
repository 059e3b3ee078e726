/**
 * What is remembered of changes and plans: an automaton. Its states are sets of absent nodes; changes lead from state to state, and so do plans.
 * What was used least recently is forgotten first, programs included.
 *
 *     clean --(k changed)--> {a, b, loss} --(plan for observers)--> clean
 */
import type { List } from "./list.ts";
import type { NodeState, Origin } from "./node.ts";
import type { Plan } from "./plan.ts";

/** What a plan is for: the nodes whose values are wanted. One object for each purpose, because plans are remembered by it. */
export interface Target {
  wants(node: NodeState): boolean;
}

export interface Absent {
  /** In order of height. */
  readonly nodes: readonly NodeState[];
  /** Those of them that are up to date. */
  readonly passing: ReadonlySet<NodeState>;
  /** Where changes lead, by a number made of their origins. */
  readonly changes: Map<number, Change>;
  readonly ways: Map<Target, Way>;
  /** Of these, what was last looked for: most often it is next as well. */
  change: Change | undefined;
  way: Way | undefined;
  /** When something last led here. */
  used: number;
}

interface Change {
  readonly origins: readonly Origin[];
  readonly to: Absent;
  /** How many nodes it makes dirty. */
  readonly marked: number;
  /** Another one with the same number. */
  readonly next: Change | undefined;
}

/** From a state, by a plan, to the next. */
export interface Way {
  readonly plan: Plan;
  readonly target: Target;
  readonly from: Absent;
  readonly left: Absent;
  /** What the plan had settled when this was found out. */
  readonly settlements: number;
  /** What is observed and was dirty. */
  readonly observed: readonly NodeState[];
  /** How many of the plan's nodes were up to date before. */
  readonly recomputed: number;
  /** Whether the plan does much more than is needed, or leaves behind what is: when the way is taken again, it gets one of its own. */
  readonly provisional: boolean;
}

/** The most plans, and the most states, that are remembered. */
export const PLAN_LIMIT = 512;
const STATE_LIMIT = 4 * PLAN_LIMIT;
/** So many of those remembered go at a time: finding out what leads to them takes a look at all. */
const PORTION = 1 / 16;

let time = 0;
let visits = 0;

/** Spreads small numbers over 32 bits. */
const scatter = (n: number): number => Math.imul(n, 0x9e3779b1);

export class States {
  readonly #states = new Map<number, Absent[]>();
  #count = 0;
  /** What each plan that is held is for, and how many ways use it. */
  readonly #plans = new Map<Plan, { readonly target: Target; ways: number }>();

  get plansHeld(): number {
    return this.#plans.size;
  }

  /** Where a change of these leads from here, if it was seen before. */
  after(from: Absent, changed: List<Origin>): Change | undefined {
    let { change } = from;
    if (!change || !isOf(change, changed)) {
      change = from.changes.get(numberOf(changed));
      while (change && !isOf(change, changed)) change = change.next;
      if (!change) return undefined;
      from.change = change;
    }
    change.to.used = ++time;
    return change;
  }

  addChange(from: Absent, changed: List<Origin>, to: Absent, marked: number): void {
    const number = numberOf(changed);
    from.changes.set(number, { origins: changed.toArray(), to, marked, next: from.changes.get(number) });
    to.used = ++time;
  }

  /** The way to what a target wants, if it was found before. */
  way(from: Absent, target: Target): Way | undefined {
    let { way } = from;
    if (way?.target !== target) {
      way = from.ways.get(target);
      if (!way) return undefined;
      from.way = way;
    }
    way.left.used = ++time;
    return way;
  }

  addWay(from: Absent, way: Way): void {
    const { plan, target } = way;
    const held = this.#plans.get(plan);
    if (held) held.ways++;
    else if (plan.nodes.length > 0) this.#plans.set(plan, { target, ways: 1 });
    this.#dropWay(from, target);
    from.ways.set(target, way);
    from.used = ++time;
    way.left.used = time;
    if (this.#plans.size > PLAN_LIMIT || this.#count > STATE_LIMIT) this.#forgetOldest([from, way.left]);
  }

  /** The plans for a target. */
  *plansFor(target: Target): Iterable<Plan> {
    for (const [plan, held] of this.#plans) if (held.target === target) yield plan;
  }

  /** The one state for a set of nodes, some of them passing. */
  intern(nodes: readonly NodeState[], passing: ReadonlySet<NodeState>): Absent {
    let hash = nodes.length;
    const visit = ++visits;
    for (const n of nodes) {
      hash = (hash + (passing.has(n) ? Math.imul(n.order, 0x85ebca6b) : scatter(n.order))) | 0;
      n.listed = visit;
    }
    let bucket = this.#states.get(hash);
    if (!bucket) this.#states.set(hash, (bucket = []));
    const same = (s: Absent): boolean =>
      s.nodes.length === nodes.length &&
      s.passing.size === passing.size &&
      s.nodes.every((n) => n.listed === visit && s.passing.has(n) === passing.has(n));
    let state = bucket.find(same);
    if (!state) {
      bucket.push((state = { nodes, passing, changes: new Map(), ways: new Map(), change: undefined, way: undefined, used: 0 }));
      this.#count++;
    }
    state.used = ++time;
    return state;
  }

  /** Forgets everything. */
  clear(): void {
    for (const plan of this.#plans.keys()) plan.release();
    this.#plans.clear();
    this.#states.clear();
    this.#count = 0;
  }

  /** Forgets the ways to what a target wants, and the plans for it. */
  dropTarget(target: Target): void {
    for (const bucket of this.#states.values()) for (const state of bucket) this.#dropWay(state, target);
  }

  #dropWay(from: Absent, target: Target): void {
    const way = from.ways.get(target);
    if (!way) return;
    from.ways.delete(target);
    from.way = undefined;
    const held = this.#plans.get(way.plan);
    if (!held || --held.ways > 0) return;
    this.#plans.delete(way.plan);
    way.plan.release();
  }

  /** Makes room: the states that nothing has led to for longest go, and all that leads to them or away from them. */
  #forgetOldest(inUse: readonly Absent[]): void {
    const states = [...this.#states.values()].flat().sort((a, b) => a.used - b.used);
    const portion = Math.ceil(states.length * PORTION);
    const gone = new Set<Absent>();
    for (const state of states) {
      if (gone.size >= portion && this.#plans.size <= PLAN_LIMIT) break;
      if (inUse.includes(state)) continue;
      gone.add(state);
      for (const target of state.ways.keys()) this.#dropWay(state, target);
    }
    for (const [hash, bucket] of this.#states) {
      const kept = bucket.filter((s) => !gone.has(s));
      if (kept.length > 0) this.#states.set(hash, kept);
      else this.#states.delete(hash);
      for (const state of kept) {
        state.change = undefined;
        for (const [target, { left }] of state.ways) if (gone.has(left)) this.#dropWay(state, target);
        for (const [number, change] of state.changes) {
          const left = without(change, gone);
          if (left) state.changes.set(number, left);
          else state.changes.delete(number);
        }
      }
    }
    this.#count -= gone.size;
  }
}

/** A chain of changes without those that lead to these states. */
function without(change: Change | undefined, gone: ReadonlySet<Absent>): Change | undefined {
  if (!change) return undefined;
  const next = without(change.next, gone);
  return gone.has(change.to) ? next : next === change.next ? change : { ...change, next };
}

/** The same for the same origins in any order. */
function numberOf(changed: List<Origin>): number {
  let number = changed.length;
  for (let i = 0; i < changed.length; i++) number = (number + scatter(changed.at(i).order)) | 0;
  return number;
}

function isOf({ origins }: Change, changed: List<Origin>): boolean {
  if (origins.length !== changed.length) return false;
  if (origins.length === 1) return origins[0] === changed.at(0);
  const visit = ++visits;
  for (let i = 0; i < changed.length; i++) changed.at(i).listed = visit;
  for (const origin of origins) if (origin.listed !== visit) return false;
  return true;
}
