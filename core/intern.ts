/**
 * The intern table: structure to node, weakly held in both directions.
 *
 * Keys are 32-bit hashes; equality is verified, so a collision costs time and never correctness. The registry
 * removes entries whose node was collected, so that the table is as large as the live graph and no larger.
 */
import { paramsKey } from "./keys.ts";
import type { Primitive } from "./primitive.ts";
import type { Tensor } from "./tensor.ts";

interface Entry {
  readonly node: WeakRef<Tensor>;
  readonly params: string;
  next: Entry | undefined;
}

const primitiveIds = new WeakMap<Primitive, number>();
let nextPrimitiveId = 1;

function hash(primitive: Primitive, params: string, inputs: readonly Tensor[]): number {
  let id = primitiveIds.get(primitive);
  if (id === undefined) primitiveIds.set(primitive, (id = nextPrimitiveId++));
  let h = Math.imul(id, 0x9e3779b1);
  for (let i = 0; i < params.length; i++) h = Math.imul(h ^ params.charCodeAt(i), 0x01000193);
  for (const input of inputs) h = Math.imul(h ^ input.id, 0x85ebca6b) ^ (h >>> 15);
  return h | 0;
}

export class InternTable {
  readonly #buckets = new Map<number, Entry>();
  #size = 0;
  readonly #registry = new FinalizationRegistry<{ hash: number; entry: Entry }>(({ hash, entry }) => this.#remove(hash, entry));
  /** The key of the last failed lookup: `add` follows it at once, and need not compute it again. */
  #missed: { hash: number; params: string } = { hash: 0, params: "" };

  get size(): number {
    return this.#size;
  }

  find(primitive: Primitive, params: object, inputs: readonly Tensor[]): Tensor | undefined {
    const key = paramsKey(params);
    const h = hash(primitive, key, inputs);
    for (let e = this.#buckets.get(h); e; e = e.next) {
      const node = e.node.deref();
      if (
        node &&
        node.primitive === primitive &&
        e.params === key &&
        node.inputs.length === inputs.length &&
        node.inputs.every((t, i) => t === inputs[i])
      )
        return node;
    }
    this.#missed = { hash: h, params: key };
    return undefined;
  }

  /** Adds the node that the last `find` did not find. The typing rule between the two calls builds no nodes. */
  add(node: Tensor): void {
    const { hash: h, params } = this.#missed;
    const entry: Entry = { node: new WeakRef(node), params, next: this.#buckets.get(h) };
    this.#buckets.set(h, entry);
    this.#registry.register(node, { hash: h, entry });
    this.#size++;
  }

  #remove(h: number, gone: Entry): void {
    let previous: Entry | undefined;
    for (let e = this.#buckets.get(h); e; previous = e, e = e.next) {
      if (e !== gone) continue;
      if (previous) previous.next = e.next;
      else if (e.next) this.#buckets.set(h, e.next);
      else this.#buckets.delete(h);
      this.#size--;
      return;
    }
  }
}
