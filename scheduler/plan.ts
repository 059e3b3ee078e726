/**
 * A plan computes some absent nodes, inputs before users, in one call into the backend. Which of its values stay, sizes and addresses are
 * settled when it is bound, and again when a named size or an address has changed. Its fused kernels remain the same, unless they would store
 * other values than before: no kernel is compiled because of a size.
 */
import { type Dim, type DimSizes, evaluateDim } from "../core/dim.ts";
import { storageBytes } from "../core/dtype.ts";
import { type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import { tagsOf } from "../core/tags.ts";
import type { Tensor } from "../core/tensor.ts";
import { type Backend, OutOfMemory, type Program, stepsIn } from "../kernel/backend.ts";
import { settleCarries } from "../kernel/carries.ts";
import { writtenSlots } from "../kernel/control.ts";
import { fuse } from "../kernel/fuse.ts";
import type { Slot, Step } from "../kernel/kernel.ts";
import { bindSteps } from "./bind.ts";
import { type Advice, advise, arrangeWithin, type Contents } from "./eviction/arrange.ts";
import type { CacheSettings } from "./eviction/settings.ts";
import { failLargest, failureOf } from "./failures.ts";
import { countNodes, isAskedFor, type NodeState } from "./node.ts";
import { operationsOf } from "./operations.ts";
import { depthFirst } from "./order.ts";
import type { Memory } from "./place.ts";
import { adviceText, type ArenaRoom, type Claim, type Residency, type Settlement, type Stored } from "./residency.ts";
import { type Traffic, trafficOf } from "./traffic.ts";
import { type Arena, emptyArena, layOut, spans } from "./transient.ts";

/** What binding needs of the engine. */
export interface Bindings {
  readonly backend: Backend;
  readonly memory: Memory;
  readonly residency: Residency;
  /** The nodes without a value in memory. */
  readonly absent: () => ReadonlySet<NodeState>;
  readonly sizes: DimSizes;
  /** Changes with the sizes. */
  readonly sizesVersion: number;
}

/** Bytes that there are while a plan runs; and how many of them there have to be, since so many values are alive at one step. */
export interface Peak {
  readonly bytes: number;
  readonly live: number;
}

const bytesOf = (slot: Slot, sizes: DimSizes): number => evaluateDim(slot.length, sizes) * storageBytes(slot.storage);

export class Plan {
  readonly nodes: readonly NodeState[];
  readonly members: ReadonlySet<NodeState>;
  /** How many nodes of the graph it computes. */
  readonly size: number;
  readonly cutoffs: readonly NodeState[];
  kernels = 0;
  operations = 0;
  traffic: Traffic = { read: 0, written: 0 };
  /** The part of both that runs once more within the plan. */
  repeated = { kernels: 0, operations: 0 };
  peak: Peak = { bytes: 0, live: 0 };
  /** How often it was settled what stays. */
  settlements = 0;
  #passing: ReadonlySet<NodeState> = new Set();
  readonly #fusion: boolean;
  #steps: readonly Step[] = [];
  /** The frontier's values that the steps store. */
  #frontier: ReadonlySet<Slot> | undefined;
  /** Slots of which it writes some parts. The others are there already, and so the whole stays where it is. */
  readonly #partial: ReadonlySet<Slot>;
  /** The node that a slot belongs to. */
  readonly #owner: ReadonlyMap<Slot, NodeState>;
  /** The steps of nodes that have not failed, and what they store: some of it stays, the rest lies in the arena. */
  #able: readonly Step[] = [];
  #written: ReadonlySet<Slot> = new Set();
  #resident: ReadonlySet<Slot> = new Set();
  #arena: Arena = emptyArena([]);
  #reads: ReadonlySet<NodeState> | undefined;
  #program: Program | undefined;
  #layout = -1;
  #sizesVersion = -1;

  /** Without `fusion` every node has its own kernels. */
  constructor(nodes: readonly NodeState[], fusion: boolean) {
    this.nodes = nodes;
    // In an order that does not depend on what happened before: what one of them holds back counts for the next.
    this.cutoffs = nodes.filter((n) => n.cutoff).sort((a, b) => a.order - b.order);
    this.members = new Set(nodes);
    this.size = countNodes(nodes);
    this.#partial = new Set(nodes.flatMap((n) => (n.parts.every((p) => this.members.has(p)) ? [] : n.own)));
    this.#fusion = fusion;
    this.#owner = new Map(nodes.flatMap((n) => [...n.own, ...n.temps].map((slot) => [slot, n] as const)));
  }

  /** Nodes whose values exist only inside the plan, in a kernel or between two: computed, and gone when it ends. */
  get passing(): ReadonlySet<NodeState> {
    return this.#passing;
  }

  /** The nodes that it reads and does not compute. */
  get reads(): ReadonlySet<NodeState> {
    return (this.#reads ??= new Set(this.nodes.flatMap((n) => n.inputs.filter((input) => !this.members.has(input)))));
  }

  /** Whether sizes and addresses are those of now. */
  isBound({ memory, sizesVersion }: Bindings): boolean {
    return this.#program !== undefined && this.#layout === memory.layout && this.#sizesVersion === sizesVersion;
  }

  /** Settles which nodes fail and which values stay, and gives all a place. The nodes whose values had to make room. */
  place(bindings: Bindings): readonly NodeState[] {
    const { residency, absent, sizes } = bindings;
    this.release();
    for (const node of this.nodes) node.failure = failureOf(node, sizes);
    const gone: NodeState[] = [];
    let advice: string | undefined;
    for (let room = residency.room; ; ) {
      this.#fuse(this.#frontierWithin(room, sizes));
      const claim = this.#claim(bindings);
      const settlement = residency.settle(claim, absent, room <= 0);
      let lacking: OutOfMemory | undefined;
      if (settlement.fits) {
        gone.push(...residency.release(settlement.dropped));
        lacking = this.#allocate(claim, settlement, bindings);
        if (!lacking) break;
        // The device has less room than it says: once more, with as little as can be.
        room = 0;
        if (residency.tighten()) continue;
      }
      // Rather than fail it stores nothing but what it must.
      if (room > 0) room = 0;
      else
        failLargest({
          members: this.members,
          owner: this.#owner,
          asked: claim.asked,
          settlement,
          memory: bindings.memory,
          bytes: (slot) => bytesOf(slot, sizes),
          cause: lacking,
          advice: (advice ??= this.#advice(claim, settlement)),
        });
    }
    this.settlements++;
    this.#passing = this.#findPassing();
    return gone;
  }

  /** Of what changes have needed while it was up to date, that which is worth storing because it can stay: the smallest, as many as fit. */
  #frontierWithin(room: number, sizes: DimSizes): ReadonlySet<Slot> {
    const slots = new Set(this.nodes.flatMap((n) => (n.frontier && !n.failure ? n.lowered.outputs.map((v) => v.slot) : [])));
    const sized = [...slots].map((slot) => ({ slot, bytes: bytesOf(slot, sizes) })).sort((a, b) => a.bytes - b.bytes);
    return new Set(sized.filter(({ bytes }) => (room -= bytes) >= 0).map(({ slot }) => slot));
  }

  /** The steps of the nodes that have not failed. What those store does not depend on who else fails. */
  #fuse(frontier: ReadonlySet<Slot>): void {
    const known = this.#frontier;
    if (!known || known.size !== frontier.size || [...frontier].some((slot) => !known.has(slot))) {
      const kept = new Set([...frontier, ...this.#partial]);
      for (const n of this.nodes) if (isAskedFor(n)) for (const v of n.lowered.outputs) kept.add(v.slot);
      const steps = stepsOf(this.nodes);
      this.#frontier = frontier;
      this.#steps = this.#fusion ? fuse(steps, (slot) => kept.has(slot), literalsOf(this.nodes)) : settleCarries(steps);
    }
    const able = this.nodes.filter((n) => !n.failure);
    const all = able.length === this.nodes.length;
    if (all && this.#able === this.#steps) return;
    const stored = writtenSlots(this.#steps);
    this.#able = all ? this.#steps : fuse(stepsOf(able), (slot) => stored.has(slot), literalsOf(able));
    this.#written = all ? stored : writtenSlots(this.#able);
  }

  #claim({ sizes, residency }: Bindings): Claim {
    const [asked, optional]: [Stored[], Stored[]] = [[], []];
    const wanted = new Set<Slot>(this.#partial);
    const frontier = new Set<Slot>();
    for (const n of this.nodes)
      for (const { slot } of n.lowered.outputs) {
        if (isAskedFor(n)) wanted.add(slot);
        if (n.frontier) frontier.add(slot);
      }
    for (const node of this.nodes)
      for (const slot of node.failure ? [] : node.own)
        if (this.#written.has(slot))
          (wanted.has(slot) ? asked : optional).push({
            slot,
            tensor: node.tensor,
            bytes: bytesOf(slot, sizes),
            node,
            frontier: frontier.has(slot),
          });
    let parts: ReadonlyMap<Slot, number> | undefined;
    return {
      asked,
      optional,
      reads: () => new Set([...this.reads].flatMap((n) => n.lowered.outputs.map((v) => v.slot))),
      arrange: (resident, room) => this.#arrange(resident, room, sizes, residency.cache),
      cost: (steps) => this.#cost(steps, sizes, residency.cache),
      advise: (resident, known) => this.#advise(resident, known, sizes, residency.cache),
      span: (slot) => (parts ??= spans(this.#able)).get(slot)!,
    };
  }

  #arrange(resident: ReadonlySet<Slot>, room: ArenaRoom | undefined, sizes: DimSizes, cache: CacheSettings): Arena {
    // Most plans leave everything behind that they store.
    if (this.#written.size === resident.size) return emptyArena(this.#able);
    const contents = this.#contents(resident, sizes, cache);
    const lay = (steps: readonly Step[]): Arena => layOut(steps, contents.isTransient, contents.bytes);
    const asMade = lay(this.#able);
    if (!room || asMade.bytes <= room.bytes) return asMade;
    const sparing = depthFirst(this.#able);
    const other = lay(sparing);
    const best = other.bytes < asMade.bytes ? other : asMade;
    if (best.bytes <= room.bytes || !room.repeating || room.bytes <= 0) return best;
    const { planning: policies, minBytes } = cache;
    return arrangeWithin([this.#able, sparing], { bytes: room.bytes, policies, minBytes }, contents) ?? best;
  }

  #advise(resident: ReadonlySet<Slot>, known: number, sizes: DimSizes, cache: CacheSettings): Advice | undefined {
    const { planning: policies, minBytes } = cache;
    return advise(depthFirst(this.#able), known, { policies, minBytes }, this.#contents(resident, sizes, cache));
  }

  #cost(steps: readonly Step[], sizes: DimSizes, { cost }: CacheSettings): number {
    const size = (d: Dim): number => (typeof d === "number" ? d : evaluateDim(d, sizes));
    const { read, written } = trafficOf(steps, size);
    const nodes = new Set(steps.flatMap((s) => s.writes.flatMap((w) => this.#owner.get(w.slot) ?? [])));
    return cost({ tensors: [...nodes].map((n) => n.tensor), operations: operationsOf(steps, size), bytes: read + written });
  }

  #contents(resident: ReadonlySet<Slot>, sizes: DimSizes, cache: CacheSettings): Contents {
    const owner = (slot: Slot): Tensor | undefined => this.#owner.get(slot)?.tensor;
    return {
      isTransient: (slot) => this.#written.has(slot) && !resident.has(slot),
      bytes: (slot) => bytesOf(slot, sizes),
      owner,
      tags: (slot) => {
        const tensor = owner(slot);
        return tensor ? tagsOf(tensor) : [];
      },
      cost: (steps) => this.#cost(steps, sizes, cache),
    };
  }

  /** Gives everything its place; or says why there is none. */
  #allocate({ asked, optional }: Claim, { resident, arena }: Settlement, { memory }: Bindings): OutOfMemory | undefined {
    this.#resident = resident;
    this.#arena = arena;
    // What was made together is often needed together: it lies side by side.
    const staying = [...asked, ...optional]
      .filter((s) => resident.has(s.slot) && !this.#partial.has(s.slot))
      .sort((a, b) => a.tensor.id - b.tensor.id);
    try {
      // What moves leaves first: there may not be room for the old and the new.
      for (const { slot, bytes } of staying) memory.outgrow(slot, bytes);
      for (const { slot, bytes, tensor } of staying) memory.place(slot, bytes, tensor);
      if (arena.offsets.size > 0) memory.reserve(arena.bytes);
      return undefined;
    } catch (error) {
      if (error instanceof OutOfMemory) return error;
      throw error;
    }
  }

  /** What would help. */
  #advice(claim: Claim, { resident, arena, peak }: Settlement): string {
    const found = claim.advise(resident, arena.bytes);
    return found ? adviceText(found, "budgetBytes", peak - arena.bytes) : "";
  }

  /** Writes in the sizes and addresses of now. */
  bind({ backend, memory, sizes, sizesVersion }: Bindings): void {
    const { offsets, steps: ordered } = this.#arena;
    const size = (d: Dim): number => (typeof d === "number" ? d : evaluateDim(d, sizes));
    const segments = bindSteps(ordered, size, (slot) => {
      const at = offsets.get(slot);
      return at === undefined ? { buffer: memory.buffer(slot), bytes: 0 } : { buffer: memory.arena, bytes: at };
    });
    const steps = stepsIn(segments);
    this.kernels = steps.reduce((n, step) => n + (step.rows?.stages.length ?? 1), 0);
    this.operations = operationsOf(ordered, size);
    this.traffic = trafficOf(ordered, size);
    this.repeated = { kernels: this.#arena.repeated ?? 0, operations: this.operations - operationsOf(this.#able, size) };
    const staying = memory.bytes - memory.arenaBytes;
    // Tiles of rows lie in room of their own, one kernel's after the other's.
    const tiles = steps.reduce((most, step) => Math.max(most, step.rows?.bytes ?? 0), 0);
    this.peak = { bytes: staying + this.#arena.bytes + tiles, live: staying + this.#arena.live + tiles };
    this.#program = backend.prepare(segments);
    this.#layout = memory.layout;
    this.#sizesVersion = sizesVersion;
  }

  run(): void {
    if (this.kernels > 0) this.#program!.run();
  }

  release(): void {
    this.#program?.release();
    this.#program = undefined;
  }

  #findPassing(): ReadonlySet<NodeState> {
    const passes = (n: NodeState): boolean => n.lowered.outputs.some((v) => this.#owner.has(v.slot) && !this.#resident.has(v.slot));
    return new Set(this.nodes.filter((n) => !n.failure && passes(n)));
  }
}

const stepsOf = (nodes: readonly NodeState[]): Step[] => nodes.flatMap((n) => n.steps);
/** The numbers of the scalar constants that nodes read. */
function literalsOf(nodes: readonly NodeState[]): (slot: Slot) => number | undefined {
  const literals = new Map<Slot, number>();
  for (const { inputs, lowered } of nodes) {
    for (const [slot, value] of lowered.literals ?? []) literals.set(slot, value);
    for (const { tensor, view } of inputs) {
      const value = tensor.primitive === constantPrimitive ? (tensor.params as ConstantParams).value : undefined;
      if (typeof value === "number") literals.set(view.slot, value);
    }
  }
  return (slot) => literals.get(slot);
}
