/**
 * What may be written to sources. Data are checked against the declared type and copied, and the sizes that they give to named dimensions are
 * checked against what other sources have, or are about to have. Nothing is stored here: see sources.ts.
 */
import { bindShape, type Data, rawData, refill } from "../core/data.ts";
import type { DimSizes } from "../core/dim.ts";
import type { TypedArray } from "../core/dtype.ts";
import type { Source } from "../core/source.ts";

/** Numbers for a source. */
export interface Write {
  readonly data: TypedArray;
  readonly sizes: DimSizes;
}

/** Numbers on their way into a source. When they have arrived, the next numbers for that source may take the same way. */
export class Order implements Write {
  readonly source: Source;
  readonly data: TypedArray;
  readonly sizes: DimSizes;
  /** Where it stands among the orders that a queue gathers, and in which gathering; -1 when a queue has none of it, or no longer. */
  at = -1;
  gathering = -1;

  constructor(source: Source, { data, sizes }: Write) {
    this.source = source;
    this.data = data;
    this.sizes = sizes;
  }
}

/** What is known of a source. */
export interface Account {
  /** The sizes once all pending writes are committed. */
  pending: DimSizes;
  /** Disposed of: it keeps its value for whoever still looks at it, and takes no other. */
  closed: boolean;
  /** The last order that was enqueued; and one that has been carried out, for the next numbers. */
  last?: Order;
  spare?: Order | undefined;
  /** What messages call a write, under a label. */
  writing?: string;
  label?: string | undefined;
}

/** The record of each source is on the source itself: one belongs to one engine, and every write asks for it several times. */
export class Intake<A extends Account = Account> {
  /** The size of each name at the current epoch. */
  readonly sizes = new Map<string, number>();
  /** Weak: a source that nobody holds has no say in the size of a name. */
  readonly #carriers = new Map<string, Set<WeakRef<Source>>>();

  /** Takes a new source in, with the sizes of its first value. Whether that gives a name a size that the current epoch does not know. */
  enter(source: Source, account: A): boolean {
    const sizes = account.pending;
    this.check(source, sizes);
    source.account = account;
    for (const name of sizes.keys()) {
      let carriers = this.#carriers.get(name);
      if (!carriers) this.#carriers.set(name, (carriers = new Set()));
      carriers.add(new WeakRef(source));
    }
    return [...sizes].some(([name, size]) => this.sizes.get(name) !== size);
  }

  account(source: Source): A | undefined {
    return source.account as A | undefined;
  }

  /** Checks data against the declared type of a source, and copies it. */
  prepare(source: Source, data: Data): Order {
    const account = this.account(source);
    const spare = account?.spare;
    if (spare && refill(spare.data, source.shape, spare.sizes, source.dtype, data)) {
      account.spare = undefined;
      return spare;
    }
    const op = this.#writeTo(source);
    const raw = rawData(op, data, source.dtype);
    return new Order(source, { data: raw.data, sizes: bindShape(op, source.shape, raw) });
  }

  /** What messages call a write; kept, because a write that fits needs no message. */
  #writeTo(source: Source): string {
    const account = this.account(source);
    if (account?.writing && account.label === source.label) return account.writing;
    const text = `set ${source.describe()}`;
    if (account) {
      account.writing = text;
      account.label = source.label;
    }
    return text;
  }

  /** Whether a source takes values: it is of this engine, and was not disposed of. */
  isOpen(source: Source): boolean {
    return this.account(source)?.closed === false;
  }

  close(source: Source): void {
    const account = this.account(source);
    if (account) account.closed = true;
  }

  /** Throws when another source has, or is about to have, another size for one of these names. */
  check(source: Source, sizes: DimSizes): void {
    for (const [name, size] of sizes) {
      const carriers = this.#carriers.get(name);
      for (const ref of carriers ?? []) {
        const other = ref.deref();
        const account = other && this.account(other);
        if (!account || account.closed) carriers!.delete(ref);
        else if (other !== source && account.pending.get(name) !== size)
          throw new Error(
            `dimension "${name}" would be ${size} in ${source.describe()} and ${account.pending.get(name)} in ${other.describe()}; change both in one transaction`,
          );
      }
    }
  }
}
