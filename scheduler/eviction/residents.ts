/** Values between flushes, as policies see them. */
import { tagsOf } from "../../core/tags.ts";
import type { NodeState } from "../node.ts";
import type { Candidate, Stored } from "../residency.ts";
import { type CacheEntry, type CachePolicy, scoreOf } from "./policy.ts";
import { type CacheSettings, defaultPolicy } from "./settings.ts";

export interface Residents {
  readonly settings: CacheSettings;
  readonly now: number;
  /** Whether a node has no value in memory. */
  readonly isAbsent: (node: NodeState) => boolean;
  /** What computing a node costs. */
  readonly cost: (node: NodeState) => number;
}

/** Walks look at so many nodes. */
const FAR = 400;

/** What goes last first. Of equal scores, in the order of the default policy. */
export function inOrderOfScores(list: readonly Stored[], residents: Residents): readonly Candidate[] {
  const { settings, now } = residents;
  const context = { phase: "flush", now, budgetBytes: settings.budgetBytes } as const;
  // What is about to be stored is as good as there.
  const here = new Set(list.map((s) => s.node));
  const scored = list.map((stored) => {
    const entry = new Resident(stored, residents, here);
    const small = stored.bytes < settings.minBytes;
    // What takes no room is in nobody's way.
    const by = (policy: CachePolicy): number => (stored.bytes === 0 ? Number.MAX_VALUE : scoreOf(policy, entry, context));
    const score = by(settings.deciding);
    return { stored, score, small, must: score === Infinity, second: () => by(defaultPolicy) };
  });
  return scored.sort((a, b) => Number(b.small) - Number(a.small) || compare(b.score, a.score) || compare(b.second(), a.second()));
}

const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);

class Resident implements CacheEntry {
  readonly bytes: number;
  readonly cost: number;
  readonly lastUse: number;
  readonly nextUse = undefined;
  readonly frontier: boolean;
  readonly #node: NodeState;
  readonly #residents: Residents;
  readonly #here: ReadonlySet<NodeState>;

  constructor({ node, bytes, frontier }: Stored, residents: Residents, here: ReadonlySet<NodeState>) {
    this.bytes = bytes;
    this.frontier = frontier;
    this.lastUse = node.lastUse;
    this.cost = residents.cost(node);
    this.#node = node;
    this.#residents = residents;
    this.#here = here;
  }

  get tags(): ReadonlySet<string> {
    return new Set(tagsOf(this.#node.tensor));
  }

  recompute(): number {
    return this.#walk((n) => n.inputs);
  }

  neighbourhood(): number {
    return this.recompute() + this.#walk((n) => n.users) - this.cost;
  }

  /** What it costs to compute the node and what is not there around it. */
  #walk(next: (node: NodeState) => Iterable<NodeState>): number {
    const seen = new Set([this.#node]);
    const open = [this.#node];
    let cost = 0;
    for (let node = open.pop(); node && seen.size < FAR; node = open.pop()) {
      cost += this.#residents.cost(node);
      for (const n of next(node))
        if (!n.leaf && !n.failure && !seen.has(n) && !this.#here.has(n) && this.#residents.isAbsent(n)) {
          seen.add(n);
          open.push(n);
        }
    }
    return cost;
  }
}
