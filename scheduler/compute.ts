/**
 * Brings what a target wants up to date: plan after plan, as many as cutoffs make necessary. With no cutoff in the way, one.
 */
import { copy } from "../core/data.ts";
import { evaluateDim } from "../core/dim.ts";
import { arrayOf, type TypedArray } from "../core/dtype.ts";
import { evaluateShape, stridesOf } from "../core/shape.ts";
import { type Backend, Interrupted, OutOfMemory } from "../kernel/backend.ts";
import { sameBits } from "./bits.ts";
import { isWithin, weigh } from "./cutoff.ts";
import { List } from "./list.ts";
import type { Dirt } from "./mark.ts";
import type { Necessary } from "./necessary.ts";
import type { Failure, Layout, NodeState, Origin } from "./node.ts";
import type { Memory } from "./place.ts";
import type { Bindings, Plan } from "./plan.ts";
import type { Residency } from "./residency.ts";
import type { Sources } from "./sources.ts";
import type { Target, Way } from "./states.ts";
import type { Counters } from "./stats.ts";

export interface Workshop {
  readonly backend: Backend;
  readonly memory: Memory;
  readonly necessary: Necessary;
  readonly sources: Sources;
  readonly residency: Residency;
  readonly dirt: Dirt;
  readonly counters: Counters;
}

export class Computer {
  /** The number of plans run so far: when a node was computed. */
  runs = 0;
  /** Observed nodes that have been computed since observers were told. */
  readonly news = new List<NodeState>();
  #told = 0;
  readonly #parts: Workshop;
  // One object for all plans, and one list for all cutoffs: steady flushes allocate nothing.
  readonly #bindings: { -readonly [K in keyof Bindings]: Bindings[K] };
  readonly #passed = new List<Origin>();
  /** What adjoint-weighted cutoffs hold back. */
  #held = 0;
  readonly #fail: (failure: Failure) => void;
  /** Looks at what a plan computed, for the watch. */
  inspect: ((nodes: readonly NodeState[]) => void) | undefined;

  constructor(parts: Workshop, fail: (failure: Failure) => void) {
    this.#parts = parts;
    this.#fail = fail;
    const { backend, memory, residency, sources, dirt } = parts;
    this.#bindings = { backend, memory, residency, absent: () => dirt.absent(), sizes: sources.sizes, sizesVersion: 0 };
  }

  /** Changes with the sizes of names. */
  get sizesVersion(): number {
    return this.#bindings.sizesVersion;
  }

  resized(): void {
    this.#bindings.sizesVersion++;
  }

  /** Takes up changes of the necessary set. Whether there were any. */
  refresh(): boolean {
    const { dirt, memory, necessary } = this.#parts;
    if (!dirt.refresh()) return false;
    memory.releaseArena();
    for (const node of necessary.failed) if (node.leaf) this.load(node);
    return true;
  }

  compute(target: Target): void {
    const { counters, dirt } = this.#parts;
    this.refresh();
    for (let way = dirt.take(target); way; way = dirt.take(target)) {
      this.#run(way);
      dirt.passed(way);
      this.#lose(way.plan);
      const { cutoffs } = way.plan;
      if (cutoffs.length === 0) return;
      for (const n of cutoffs)
        if (this.#passes(n)) this.#passed.push(n);
        else counters.nodesCutOff++;
      dirt.mark(this.#passed);
      this.#passed.clear();
    }
  }

  #run({ plan, observed, recomputed }: Way): void {
    const { counters, necessary, residency } = this.#parts;
    const bindings = this.#bindings;
    residency.uses(plan, this.runs);
    try {
      if (necessary.failed.size > 0 || !plan.isBound(bindings)) {
        counters.plansBound++;
        this.#place(plan);
        plan.bind(bindings);
      }
      runToItsEnd(plan);
    } catch (error) {
      // The backend could not: a kernel that it does not have, or no memory for the program. None of the plan has a value then.
      const failure = { tensor: plan.nodes[0]!.tensor, error };
      this.settle(plan.nodes, () => {
        for (const n of plan.nodes) n.failure = failure;
      });
    }
    this.runs++;
    counters.ran(plan);
    counters.nodesRecomputed += recomputed;
    for (const n of observed) this.touch(n);
    this.inspect?.(plan.nodes.filter((n) => !n.whole && !plan.passing.has(n)));
  }

  /** An observed node, or a source, has a new value as of this run. */
  touch(node: NodeState): void {
    if (node.observers > 0 && node.computedAt <= this.#told) this.news.push(node);
    node.computedAt = this.runs;
  }

  /** Observers hear the news now. */
  forgetNews(): void {
    this.news.clear();
    this.#told = this.runs;
  }

  #place(plan: Plan): void {
    const { counters, dirt, residency } = this.#parts;
    let gone: readonly NodeState[] = [];
    this.settle(plan.nodes, () => void (gone = plan.place(this.#bindings)));
    dirt.gone(gone);
    counters.bytesEvicted = residency.bytesEvicted;
  }

  /** Of what has failed as a whole, no part is there. (That is found out after the plan: from where it started, it need not compute them.) */
  #lose({ nodes }: Plan): void {
    const { dirt, necessary } = this.#parts;
    if (necessary.failed.size > 0) dirt.gone(nodes.flatMap((n) => (n.failure ? n.parts.filter((p) => !p.failure) : [])));
  }

  /** Brings the numbers of a leaf into its buffer; when there is no room, other values make some. */
  load(node: NodeState): void {
    const { dirt, residency, sources } = this.#parts;
    this.settle([node], () => {
      sources.load(node);
      if (!(node.failure?.error instanceof OutOfMemory)) return;
      dirt.gone(residency.releaseIdle());
      sources.load(node);
    });
  }

  /** Does something that settles whether nodes have failed, and reports each node that failed first and did not before. */
  settle(nodes: readonly NodeState[], action: () => void): void {
    const { failed } = this.#parts.necessary;
    // Something else that goes wrong with the same node is news.
    const kindOf = ({ tensor, error }: Failure): string => `${tensor.id} ${error instanceof Error ? error.name : ""}`;
    const before = failed.size > 0 ? new Set(nodes.flatMap((n) => (n.failure ? [kindOf(n.failure)] : []))) : undefined;
    action();
    for (const n of nodes) {
      if (!n.failure) {
        failed.delete(n);
        continue;
      }
      failed.add(n);
      if (!n.whole && n.failure.tensor === n.tensor && !before?.has(kindOf(n.failure))) this.#fail(n.failure);
    }
  }

  /** Whether the change of a cutoff node that was computed goes on. If not, the node has the value again from which changes are measured. */
  #passes(node: NodeState): boolean {
    const { failure, propagated } = node;
    const now = failure ? undefined : this.data(node, true);
    if (now && propagated?.length === now.length) {
      const same = sameBits(now, propagated);
      if (same || this.#holdsBack(node, now, propagated)) {
        if (same) this.holdsNothing(node);
        else this.#restore(node, propagated);
        return false;
      }
      copy(now, propagated);
    } else node.propagated = now?.slice();
    this.holdsNothing(node);
    return true;
  }

  #holdsBack(node: NodeState, now: TypedArray, old: TypedArray): boolean {
    const rule = node.cutoff!;
    // Within nothing, -0 and 0 would be equal.
    if (!("adjoint" in rule)) return rule.absolute + rule.relative > 0 && isWithin(now, old, rule.absolute, rule.relative);
    const change = weigh(now, old, rule.adjoint);
    if (!(this.#held - node.held + change < rule.below)) return false;
    this.#held += change - node.held;
    node.held = change;
    return true;
  }

  /** A node's change has gone on, or there is none. */
  holdsNothing(node: NodeState): void {
    if (node.held === 0) return;
    this.#held -= node.held;
    node.held = 0;
  }

  /** Gives a node its old value back, where the buffer is not that of a source. */
  #restore(node: NodeState, old: TypedArray): void {
    const { start, count, bufferLength, inOnePiece } = this.#layout(node);
    let owner = node;
    while (owner.own.length === 0 && owner.inputs.length > 0) owner = owner.inputs.find((n) => n.slot === node.slot) ?? owner.inputs[0]!;
    if (inOnePiece && !owner.leaf) copy(old, this.#parts.memory.view(node, bufferLength).subarray(start, start + count));
  }

  /** How the value of a node lies in its buffer at the present sizes; evaluated once for them. */
  #layout(node: NodeState): Layout {
    const { sizes, sizesVersion } = this.#bindings;
    if (node.layout?.sizesVersion === sizesVersion) return node.layout;
    const { offset, strides } = node.view;
    const shape = evaluateShape(node.tensor.shape, sizes);
    // A complex number lies as two words along one more axis.
    const words = evaluateShape(node.view.shape, sizes);
    const steps = strides.map((d) => evaluateDim(d, sizes));
    return (node.layout = {
      sizesVersion,
      shape,
      words,
      strides: steps,
      start: evaluateDim(offset, sizes),
      count: words.reduce((n, d) => n * d, 1),
      bufferLength: evaluateDim(node.slot.length, sizes),
      inOnePiece: inOnePiece(words, steps),
    });
  }

  shape(node: NodeState): readonly number[] {
    return this.#layout(node).shape;
  }

  /** The value of a node in row-major order: a copy, or with `lend` a view of the buffer where the value is in one piece. */
  data(node: NodeState, lend = false): TypedArray {
    const { words, strides, start, count, bufferLength, inOnePiece } = this.#layout(node);
    const buffer = this.#parts.memory.view(node, bufferLength);
    if (!inOnePiece) return gather(buffer, start, words, strides, new (arrayOf(node.slot.storage))(count));
    const value = count === bufferLength ? buffer : buffer.subarray(start, start + count);
    // Out of memory that threads share, slice would copy byte by byte.
    return lend ? value : new (arrayOf(node.slot.storage))(value);
  }

  /** One output of a node of several, while it is in memory. */
  output(node: NodeState, index: number): TypedArray {
    const { sizes } = this.#bindings;
    const { slot, offset, shape, strides } = node.lowered.outputs[index]!;
    const [steps, words] = [strides.map((d) => evaluateDim(d, sizes)), evaluateShape(shape, sizes)];
    const buffer = this.#parts.memory.view({ slot, live: undefined, liveSince: -1 }, evaluateDim(slot.length, sizes));
    const count = words.reduce((n, d) => n * d, 1);
    return gather(buffer, evaluateDim(offset, sizes), words, steps, new (arrayOf(slot.storage))(count));
  }

  /** Whether the value is in one piece, at the start of its buffer. */
  isWhole(node: NodeState): boolean {
    const { start, inOnePiece } = this.#layout(node);
    return start === 0 && inOnePiece;
  }
}

/** A plan that was broken off starts again: it writes over nothing that it did not compute itself. */
function runToItsEnd(plan: Plan): void {
  try {
    plan.run();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    plan.run();
  }
}

function inOnePiece(shape: readonly number[], strides: readonly number[]): boolean {
  const full = stridesOf(shape);
  return shape.includes(0) || strides.every((s, i) => s === full[i] || shape[i] === 1);
}

/** Copies a strided view, element by element. */
function gather(from: TypedArray, start: number, shape: readonly number[], strides: readonly number[], to: TypedArray): TypedArray {
  const position = shape.map(() => 0);
  let element = start;
  for (let i = 0; i < to.length; i++) {
    to[i] = from[element]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      element += strides[axis]!;
      if (++position[axis]! < shape[axis]!) break;
      element -= strides[axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
  return to;
}
