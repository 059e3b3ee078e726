/**
 * A plan computes some absent nodes, inputs before users, in one call into the backend. Its structure, fused kernels and what they
 * store, is settled when it is made; sizes and addresses are written in when it is bound, and again when a named size or an address
 * has changed. No kernel is compiled for that.
 */
import { type Dim, dim, type DimSizes, evaluateDim } from "../core/dim.ts";
import { storageBytes } from "../core/dtype.ts";
import { type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import { evaluateShape } from "../core/shape.ts";
import { type Backend, type BoundOperand, type BoundStep, type Buffer, OutOfMemory, type Program } from "../kernel/backend.ts";
import { fuse } from "../kernel/fuse.ts";
import { type Operand, operandsOf, type Slot, type Step } from "../kernel/kernel.ts";
import { checkRoom } from "../kernel/lowering.ts";
import type { Failure, NodeState } from "./node.ts";
import type { Memory } from "./place.ts";
import { assignTransients, type Transients } from "./transient.ts";

/** What binding needs of the engine. */
export interface Bindings {
  readonly backend: Backend;
  readonly memory: Memory;
  readonly sizes: DimSizes;
  /** Changes with the sizes. */
  readonly sizesVersion: number;
}

const bytesOf = (slot: Slot, sizes: DimSizes): number => evaluateDim(slot.length, sizes) * storageBytes(slot.storage);

export class Plan {
  readonly nodes: readonly NodeState[];
  readonly members: ReadonlySet<NodeState>;
  readonly cutoffs: readonly NodeState[];
  /** Nodes whose values exist only inside a kernel: computed, and gone when it ends. */
  readonly passing: ReadonlySet<NodeState>;
  kernels = 0;
  readonly #steps: readonly Step[];
  /** What is stored, and the part of it that stays after the run. */
  readonly #written: ReadonlySet<Slot>;
  readonly #resident: ReadonlySet<Slot>;
  /** The steps of nodes that have not failed, and where they put what does not stay. */
  #able: readonly Step[] = [];
  #transients: Transients = { places: new Map(), sizes: [] };
  #reads: ReadonlySet<NodeState> | undefined;
  #program: Program | undefined;
  #layout = -1;
  #sizesVersion = -1;

  /**
   * Without `fusion` every node has its own kernels. Without `lean` all that is stored stays; with it, what somebody asks for, and the
   * rest is gone when the plan has run.
   */
  constructor(nodes: readonly NodeState[], { fusion, lean }: { readonly fusion: boolean; readonly lean: boolean }) {
    this.nodes = nodes;
    this.cutoffs = nodes.filter((n) => n.cutoff);
    this.members = new Set(nodes);
    const steps = stepsOf(nodes);
    const kept = new Set<Slot>();
    for (const n of nodes) if (n.demand > 0 || n.cutoff || (n.frontier && !lean)) for (const v of n.lowered.outputs) kept.add(v.slot);
    this.#steps = fusion ? fuse(steps, (slot) => kept.has(slot), literalsOf(nodes)) : steps;
    this.#written = slotsOf(this.#steps);
    const made = new Set(nodes.flatMap((n) => n.own));
    this.#resident = new Set([...made].filter((slot) => this.#written.has(slot) && (!lean || kept.has(slot))));
    this.passing = new Set(nodes.filter((n) => n.lowered.outputs.some((v) => made.has(v.slot) && !this.#resident.has(v.slot))));
  }

  /** The nodes that it reads and does not compute. */
  get reads(): ReadonlySet<NodeState> {
    return (this.#reads ??= new Set(this.nodes.flatMap((n) => n.inputs.filter((input) => !this.members.has(input)))));
  }

  /** Whether sizes and addresses are those of now. */
  isBound({ memory, sizesVersion }: Bindings): boolean {
    return this.#program !== undefined && this.#layout === memory.layout && this.#sizesVersion === sizesVersion;
  }

  /** Gives all values a place and settles which nodes have failed. Whether there was room for all. */
  place(bindings: Bindings): boolean {
    this.release();
    for (const node of this.nodes) node.failure = place(node, this.#resident, bindings);
    while (!this.#reserve(bindings));
    return !this.nodes.some((n) => n.failure?.error instanceof OutOfMemory);
  }

  /** Finds room for what does not stay; where there is too little, the node that needs the most fails, and what is above it. Whether there was. */
  #reserve({ memory, sizes }: Bindings): boolean {
    this.#able = this.#stepsThatCan();
    this.#transients = assignTransients(
      // Most plans leave everything behind that they store.
      this.#written.size > this.#resident.size ? this.#able : [],
      (slot) => this.#written.has(slot) && !this.#resident.has(slot),
      (slot) => bytesOf(slot, sizes),
    );
    if (this.#transients.sizes.length === 0) return true;
    const largest = this.#largestTransient(sizes);
    try {
      memory.reserve(this.#transients.sizes, largest.tensor);
      return true;
    } catch (error) {
      largest.failure = { tensor: largest.tensor, error };
      for (const node of this.nodes) node.failure ??= node.inputs.find((input) => input.failure)?.failure;
      return false;
    }
  }

  /** The node, of those that have not failed, whose own values take the most room while the plan runs. */
  #largestTransient(sizes: DimSizes): NodeState {
    const { places } = this.#transients;
    let [largest, most] = [undefined as NodeState | undefined, -1];
    for (const node of this.nodes) {
      if (node.failure) continue;
      for (const slot of [...node.own, ...node.temps])
        if (places.has(slot) && bytesOf(slot, sizes) > most) [largest, most] = [node, bytesOf(slot, sizes)];
    }
    return largest!;
  }

  /** Writes in the sizes and addresses of now. */
  bind({ backend, memory, sizes, sizesVersion }: Bindings): void {
    const { places } = this.#transients;
    const buffer = (slot: Slot): Buffer => {
      const k = places.get(slot);
      return k === undefined ? memory.buffer(slot) : memory.temp(k);
    };
    const steps = this.#able.map((step) => bindStep(step, buffer, sizes));
    this.kernels = steps.length;
    this.#program = backend.prepare([{ kind: "run", steps }]);
    this.#layout = memory.layout;
    this.#sizesVersion = sizesVersion;
  }

  /** The steps of the nodes that have not failed. What those store does not depend on who else fails. */
  #stepsThatCan(): readonly Step[] {
    const able = this.nodes.filter((n) => !n.failure);
    if (able.length === this.nodes.length) return this.#steps;
    return fuse(stepsOf(able), (slot) => this.#written.has(slot), literalsOf(able));
  }

  run(): void {
    if (this.kernels > 0) this.#program!.run();
  }

  release(): void {
    this.#program?.release();
    this.#program = undefined;
  }
}

const stepsOf = (nodes: readonly NodeState[]): Step[] => nodes.flatMap((n) => n.lowered.steps);
/** The numbers of the scalar constants that nodes read. */
function literalsOf(nodes: readonly NodeState[]): (slot: Slot) => number | undefined {
  const literals = new Map<Slot, number>();
  for (const { inputs } of nodes)
    for (const { tensor, view } of inputs) {
      const value = tensor.primitive === constantPrimitive ? (tensor.params as ConstantParams).value : undefined;
      if (typeof value === "number") literals.set(view.slot, value);
    }
  return (slot) => literals.get(slot);
}
const slotsOf = (steps: readonly Step[]): Set<Slot> => new Set(steps.flatMap((s) => operandsOf(s).writes.map((w) => w.slot)));

/** Gives a node its buffers. It fails when its shape has no size, when there is no room, and with an input. */
function place(node: NodeState, resident: ReadonlySet<Slot>, { memory, sizes }: Bindings): Failure | undefined {
  const { tensor } = node;
  for (const input of node.inputs) if (input.failure) return input.failure;
  if (node.unfit !== undefined) return { tensor, error: node.unfit };
  try {
    if (node.names.length > 0) {
      // Strides and arguments may need a name that the shape does not show.
      for (const name of node.names) evaluateDim(dim(name), sizes);
      for (const { shape } of tensor.outputs) evaluateShape(shape, sizes);
      checkRoom(tensor.describe(), node.lowered, sizes);
      for (const step of node.lowered.steps) checkSizes(step, sizes);
    }
    for (const slot of node.own) if (resident.has(slot)) memory.place(slot, bytesOf(slot, sizes), tensor);
    return undefined;
  } catch (error) {
    if (error instanceof OutOfMemory) for (const slot of node.own) memory.release(slot);
    return { tensor, error };
  }
}

function checkSizes(step: Step, sizes: DimSizes): void {
  for (const d of step.loop?.shape ?? step.sizes)
    if (typeof d !== "number" && evaluateDim(d, sizes) < 0) throw new Error(`size ${d} is negative (${evaluateDim(d, sizes)})`);
}

function bindStep({ kernel, sizes: dims, reads, writes, uniforms }: Step, buffer: (slot: Slot) => Buffer, sizes: DimSizes): BoundStep {
  const size = (d: Dim): number => (typeof d === "number" ? d : evaluateDim(d, sizes));
  const operand = ({ slot, offset, strides }: Operand): BoundOperand => ({
    buffer: buffer(slot),
    offset: size(offset),
    strides: strides.map(size),
  });
  return { kernel, sizes: dims.map(size), reads: reads.map(operand), writes: writes.map(operand), uniforms: uniforms.map(size) };
}
