/** The cache as users see it: its settings, which may change while the engine runs, what is pinned, and a report of what is in memory, and why. */
import { evaluateDim } from "../../core/dim.ts";
import { dtypeInfo } from "../../core/dtype.ts";
import { tagsOf } from "../../core/tags.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Computer, Workshop } from "../compute.ts";
import { isAskedFor, type NodeState } from "../node.ts";
import { operationsOf } from "../operations.ts";
import { checkCacheOptions } from "../options.ts";
import { pinsTooLarge } from "../residency.ts";
import type { CachePolicy } from "./policy.ts";
import { type CacheOptions, withCacheOptions } from "./settings.ts";

/** Why a value is in memory. */
export type Reason = "source" | "asked for" | "cutoff" | "pinned" | "cache";

export interface MemoryReport {
  /** All that there is: values, and the room that plans share while they run. */
  readonly bytes: number;
  readonly arenaBytes: number;
  /** What stays although nobody asked for it, what stays because it is pinned, and what may stay. */
  readonly cacheBytes: number;
  readonly pinnedBytes: number;
  readonly budgetBytes: number;
  readonly policy: string | undefined;
  /** What is in memory, the largest first. */
  readonly values: readonly { readonly tensor: Tensor; readonly bytes: number; readonly why: Reason; readonly tags: readonly string[] }[];
  /** What is up to date and not in memory: it is computed again when it is needed. */
  readonly evicted: readonly Tensor[];
  toString(): string;
}

export class Cache {
  readonly #parts: Workshop & { readonly computer: Computer };
  readonly #pins = new WeakMap<Tensor, number>();

  constructor(parts: Workshop & { readonly computer: Computer }) {
    this.#parts = parts;
  }

  get budgetBytes(): number {
    return this.#parts.residency.cache.budgetBytes;
  }

  get minBytes(): number {
    return this.#parts.residency.cache.minBytes;
  }

  get policy(): CachePolicy | undefined {
    return this.#parts.residency.cache.policy;
  }

  /** Sets some of the options anew; the others stay. Values that no longer fit go at once. Throws where an option does not fit: then nothing changes. */
  set(options: CacheOptions): void {
    const { residency, dirt, necessary, computer, memory } = this.#parts;
    const settings = withCacheOptions(checkCacheOptions("cache.set", options), residency.cache);
    this.#checkPins([], settings.budgetBytes);
    computer.refresh();
    residency.cache = settings;
    dirt.gone(residency.trim(dirt.absent(), (n) => this.#cost(n)));
    memory.releaseArena();
    // Plans were made for other room.
    necessary.version++;
  }

  /** Whether a node that enters is pinned. */
  isPinned(t: Tensor): boolean {
    return this.#pins.has(t);
  }

  pin(tensors: readonly Tensor[]): () => void {
    this.#checkPins(tensors, this.budgetBytes);
    this.#count(tensors, 1);
    let pinned = true;
    return () => {
      if (pinned) this.#count(tensors, -1);
      pinned = false;
    };
  }

  #count(tensors: readonly Tensor[], by: 1 | -1): void {
    const { nodes } = this.#parts.necessary;
    for (const t of tensors) {
      const count = (this.#pins.get(t) ?? 0) + by;
      if (count > 0) this.#pins.set(t, count);
      else this.#pins.delete(t);
      const node = nodes.get(t);
      if (!node || node.pinned === count > 0) continue;
      node.pinned = count > 0;
      this.#parts.necessary.version++;
    }
  }

  /** What is pinned has to fit, as far as its sizes are known. */
  #checkPins(more: readonly Tensor[], budget: number): void {
    const { nodes } = this.#parts.necessary;
    const pinned = new Set([...more, ...[...nodes.values()].filter((n) => n.pinned).map((n) => n.tensor)]);
    let bytes = 0;
    for (const t of pinned) {
      const node = nodes.get(t);
      if (node && isAskedFor(node) && !node.pinned) continue;
      bytes += this.#bytes(t) ?? 0;
    }
    if (bytes > budget) throw pinsTooLarge(bytes, budget);
  }

  #bytes(t: Tensor): number | undefined {
    const { sizes } = this.#parts.sources;
    let all = 0;
    try {
      for (const { shape, dtype } of t.outputs) {
        const { bytes, words } = dtypeInfo(dtype);
        all += shape.reduce<number>((n, d) => n * evaluateDim(d, sizes), bytes * words);
      }
      return all;
    } catch {
      return undefined;
    }
  }

  #cost({ tensor, lowered }: NodeState): number {
    const { sizes } = this.#parts.sources;
    const operations = operationsOf(lowered.steps, (d) => evaluateDim(d, sizes));
    return this.#parts.residency.cache.cost({ tensors: [tensor], operations, bytes: this.#bytes(tensor) ?? 0 });
  }

  report(): MemoryReport {
    const { residency, memory, necessary, dirt, computer } = this.#parts;
    computer.refresh();
    const { slots } = memory;
    const dirty = new Set(dirt.dirty);
    const values = [...necessary.nodes.values()].flatMap((node) =>
      node.own.flatMap((slot) => {
        const held = slots.get(slot);
        return held ? [{ tensor: node.tensor, bytes: held.bytes, why: reasonOf(node), tags: tagsOf(node.tensor) }] : [];
      }),
    );
    const evicted = [...necessary.nodes.values()].filter(
      (n) => !n.leaf && !n.failure && !dirty.has(n) && n.lowered.outputs.some((v) => !slots.has(v.slot)),
    );
    const sum = (why: Reason): number => values.reduce((n, v) => n + (v.why === why ? v.bytes : 0), 0);
    const report = {
      bytes: memory.bytes,
      arenaBytes: memory.arenaBytes,
      cacheBytes: sum("cache"),
      pinnedBytes: sum("pinned"),
      budgetBytes: this.budgetBytes,
      policy: residency.cache.policy && (residency.cache.policy.name ?? "yours"),
      values: values.sort((a, b) => b.bytes - a.bytes),
      evicted: evicted.map((n) => n.tensor),
    };
    return { ...report, toString: () => text(report) };
  }
}

const reasonOf = (node: NodeState): Reason =>
  node.leaf ? "source" : node.demand > 0 ? "asked for" : node.cutoff ? "cutoff" : node.pinned ? "pinned" : "cache";

const LONGEST = 20;

function text({ bytes, arenaBytes, cacheBytes, pinnedBytes, budgetBytes, policy, values, evicted }: MemoryReport): string {
  const line = ({ tensor, bytes: b, why, tags }: MemoryReport["values"][number]): string =>
    `  ${String(b).padStart(10)}  ${why.padEnd(9)}  ${tensor.describe()}${tags.length > 0 ? ` [${tags.join(", ")}]` : ""}`;
  return [
    `${bytes} bytes, ${arenaBytes} of them shared by plans while they run.`,
    `The cache keeps ${cacheBytes} of at most ${budgetBytes} bytes${policy ? ` by policy "${policy}"` : ""}; ${pinnedBytes} are pinned.`,
    ...values.slice(0, LONGEST).map(line),
    ...(values.length > LONGEST ? [`  and ${values.length - LONGEST} more`] : []),
    `${evicted.length} nodes are up to date and not in memory.`,
  ].join("\n");
}
