/**
 * What the engine knows of one necessary node: its place in the graph, what it was lowered to, and whether it has failed.
 *
 *   users      ^  ^        edges up exist for necessary nodes only, so that what nobody needs is not held
 *             NodeState
 *   inputs     v  v
 */
import { type Dim, dimNames } from "../core/dim.ts";
import type { TypedArray } from "../core/dtype.ts";
import { constantPrimitive } from "../core/leaves.ts";
import { isSource } from "../core/source.ts";
import type { Tensor } from "../core/tensor.ts";
import { bodiesOf, writtenSlots } from "../kernel/control.ts";
import { operandsOf, type Slot, type Step } from "../kernel/kernel.ts";
import { type Lowered, outputView } from "../kernel/lowering.ts";
import type { View } from "../kernel/view.ts";
import { addsMany } from "../ops/addN.ts";
import { lowerNode } from "../ops/lower.ts";
import type { Rule } from "./cutoff.ts";
import type { Observation } from "./publish.ts";

/** Why a node has no value: the node that failed first (itself, or one below it), and the error. */
export interface Failure {
  readonly tensor: Tensor;
  readonly error: unknown;
}

/** Something whose change makes nodes dirty: a source, a cutoff node that let a change pass, the size of a name. */
export interface Origin {
  readonly users: ReadonlySet<NodeState>;
  /** A number of its own: sets of origins are found again by such numbers. */
  readonly order: number;
  /** Scratch: the number of the visit of states.ts that met it last. */
  listed: number;
}

/** A named dimension: nodes whose kernels depend on its size are its users. */
export class DimState implements Origin {
  readonly users = new Set<NodeState>();
  readonly order: number = --withoutTensor;
  listed = 0;
}

/** Numbers for what has none of a tensor. */
let withoutTensor = 0;

/** The value that observers saw last. The data never changes; readers take copies. */
export interface Published {
  readonly data: TypedArray;
  readonly shape: readonly number[];
}

/** How a value lies in its buffer, in numbers, for the sizes of one version. */
export interface Layout {
  readonly sizesVersion: number;
  readonly shape: readonly number[];
  /** The shape in words of storage: for complex numbers, with an axis of two more. */
  readonly words: readonly number[];
  readonly strides: readonly number[];
  readonly start: number;
  readonly count: number;
  readonly bufferLength: number;
  /** Row-major, without gaps. */
  readonly inOnePiece: boolean;
}

/** Nodes of so many inputs, each of which is a part of the result, are computed part by part. */
const PARTS = 2;

/** What stands for one part of a node: it has one of its inputs, and writes where that goes. */
interface PartOf {
  readonly whole: NodeState;
  readonly step: Step;
}

export class NodeState implements Origin {
  readonly tensor: Tensor;
  readonly inputs: readonly NodeState[];
  readonly users = new Set<NodeState>();
  readonly lowered: Lowered;
  /** Buffers that hold the node's outputs; a node that only views its input has none. */
  readonly own: readonly Slot[];
  /** Buffers that only the node's own steps use. */
  readonly temps: readonly Slot[];
  /** Whether its numbers are loaded, not computed. A primitive without inputs, as iota, is no leaf. */
  readonly leaf: boolean;
  /**
   * A node whose result is made of its inputs one by one, as by concatenation, has a part for each of them between it and them: a node that is
   * dirty by itself and writes into the buffer of the `whole`, which has no steps then.
   */
  readonly whole: NodeState | undefined;
  readonly parts: readonly NodeState[];
  readonly steps: readonly Step[];
  readonly order: number;
  /** Greater than that of each input. */
  readonly height: number;
  /** Names of dimensions that the lowered form mentions. */
  readonly names: readonly string[];

  /** How many observers, reads and clocks ask for this node itself, and how many of them are observers. */
  demand = 0;
  observers = 0;
  /** The observations that look at it. */
  watchers: readonly Observation[] = [];
  released = false;
  failure: Failure | undefined;
  /** Why the node cannot be lowered at all, if it cannot. */
  readonly unfit: unknown;

  /** A cutoff node stops changes that leave it as it was, within some tolerance, when a change last passed it. */
  cutoff: Rule | undefined;
  propagated: TypedArray | undefined;
  /** What it holds back, of an adjoint-weighted cutoff. */
  held = 0;

  /** Whether the value stays because somebody said so; and in which run of a plan it was last read or computed, while a policy wants to know. */
  pinned = false;
  lastUse = 0;

  /** Whether a change has needed the value while it was up to date, or will: then it is stored, not left inside a kernel. */
  frontier = false;
  /** Whether it is a branch of a sum of many terms, and whether a change has reached some of them and not others. */
  readonly addsMany: boolean;
  addedInPart = false;

  /** The run of a plan in which an observed node was last computed, and what was last published of it, and when. */
  computedAt = 0;
  publishedAt = -1;
  published: Published | undefined;

  layout: Layout | undefined;
  /** A view of the buffer that the value is in, and under which layout of memory it was made. */
  live: TypedArray | undefined;
  liveSince = -1;

  /** Scratch of the walks in mark.ts: the number of the walk that reached this node, found it absent, needed it (for a dirty node), or held it back. */
  listed = 0;
  reached = 0;
  absent = 0;
  needed = 0;
  neededByDirt = 0;
  waiting = 0;

  constructor(tensor: Tensor, inputs: readonly NodeState[], part?: PartOf) {
    this.tensor = tensor;
    this.whole = part?.whole;
    this.order = part ? --withoutTensor : tensor.id;
    this.height = 2 * tensor.height - (part ? 1 : 0);
    this.leaf = tensor.primitive === constantPrimitive || isSource(tensor);
    this.addsMany = addsMany(tensor);
    let lowered: Lowered;
    try {
      lowered = part ? { steps: [part.step], outputs: part.whole.lowered.outputs } : lower(tensor, inputs);
    } catch (error) {
      this.unfit = error;
      lowered = { steps: [], outputs: tensor.outputs.map(outputView) };
    }
    this.lowered = lowered;
    // What is written is the node's own; an output that no step writes is a view of an input.
    const written = [...writtenSlots(lowered.steps)];
    const outputs = unique(lowered.outputs.map((v) => v.slot));
    this.own = part ? [] : this.leaf ? outputs : outputs.filter((s) => written.includes(s));
    this.temps = part || written.length === this.own.length ? [] : written.filter((s) => !outputs.includes(s));
    this.names = namesOf(lowered);
    this.parts =
      lowered.byInput && inputs.length >= PARTS
        ? inputs.map((input, k) => new NodeState(tensor, [input], { whole: this, step: lowered.steps[k]! }))
        : [];
    this.inputs = this.parts.length > 0 ? this.parts : inputs;
    this.steps = this.parts.length > 0 ? [] : lowered.steps;
  }

  /** How the value lies in its buffer. */
  get view(): View {
    return this.lowered.outputs[0]!;
  }

  /** The buffer that the value is in. */
  get slot(): Slot {
    return this.view.slot;
  }

  get necessary(): boolean {
    return this.demand > 0 || this.users.size > 0;
  }
}

/** How many nodes of the graph there are among these: parts do not count. */
export function countNodes(nodes: Iterable<NodeState>): number {
  let count = 0;
  for (const n of nodes) if (!n.whole) count++;
  return count;
}

const unique = <T>(list: readonly T[]): readonly T[] => (list.length > 1 ? [...new Set(list)] : list);

function lower(t: Tensor, inputs: readonly NodeState[]): Lowered {
  if (t.primitive === constantPrimitive || isSource(t)) return { steps: [], outputs: t.outputs.map(outputView) };
  return lowerNode(
    t,
    inputs.map((n) => n.lowered),
  );
}

/** Whether a node's value stays in any case. */
export const isAskedFor = (node: NodeState): boolean => node.leaf || node.demand > 0 || node.cutoff !== undefined || node.pinned;
/** Whether it does so because it is pinned, and for no other reason. */
export const isPinned = (node: NodeState): boolean => node.pinned && !node.leaf && node.demand === 0 && !node.cutoff;

function namesOf({ steps, outputs, room = [] }: Lowered): string[] {
  const names = new Set<string>();
  const add = (dims: readonly Dim[]): void => {
    for (const d of dims) if (typeof d !== "number") for (const name of dimNames(d)) names.add(name);
  };
  add(room);
  for (const v of outputs) {
    add(v.shape);
    add(v.strides);
    add([v.offset, v.slot.length]);
  }
  const open: Step[] = [...steps];
  for (let step = open.pop(); step; step = open.pop()) {
    const { control } = step;
    if (control) {
      if (control.kind === "repeat") add([control.count, ...control.stacks.map((s) => s.by)]);
      open.push(...bodiesOf(control).flat());
    }
    add(step.loop?.shape ?? step.sizes);
    add(step.uniforms);
    const { reads, writes } = operandsOf(step);
    for (const list of [reads, writes])
      for (const o of list) {
        add(o.strides);
        add([o.offset]);
      }
  }
  return [...names];
}
