/**
 * Routines over a field, written once for real and for complex numbers: a number has one part or two, which lie in operands of their own. Over the real
 * numbers an operation is the machine's own.
 */
import { type Extent, type Index, type Machine, type Routine, type Variable } from "./routine.ts";

/** A number: its part, or its real and its imaginary part. Each is asked for once; operations that need one more often keep it. */
export type Num<V> = readonly Index<V>[];
/** Where the parts of a number lie. */
export type Entry<V> = readonly Index<V>[];
/** Those of the elements of a matrix. */
export type Grid<V> = (row: Index<V>, column: Index<V>) => Entry<V>;

/** A number that changes. Called, it gives its value. */
export interface Cell<V> {
  (): Num<V>;
  set(value: Num<V>): void;
}

export class Field<V> {
  readonly complex: boolean;
  readonly #m: Machine<V>;
  readonly #operand: (k: number) => number;
  readonly #room: number;
  /** How many elements behind a place of the room the imaginary part lies. */
  readonly #apart: Index<V>;

  constructor(m: Machine<V>, complex: boolean, operand: (k: number) => number, room: number, apart: Index<V>) {
    this.#m = m;
    this.complex = complex;
    this.#operand = operand;
    this.#room = room;
    this.#apart = apart;
  }

  /** The real numbers, of which the places are those of real parts. */
  reals(): Field<V> {
    return new Field(this.#m, false, this.#operand, this.#room, this.#apart);
  }

  #parts<T>(of: (part: 0 | 1) => T): T[] {
    return this.complex ? [of(0), of(1)] : [of(0)];
  }
  #kept(x: Num<V>): Num<V> {
    return x.map((part) => this.#m.keep(part()));
  }

  // ---- memory
  /** The element of an operand, by the number that the routine lists it under; `room` is behind the last. */
  entry(operand: number, element: Index<V>): Entry<V> {
    const [m, first] = [this.#m, this.#operand(operand)];
    return this.#parts((part) => () => {
      if (part === 0) return m.at(first, element());
      return first === this.#room ? m.at(first, m.plus(element(), this.#apart())) : m.at(first + 1, element());
    });
  }
  /** The elements of a row-major operand with so many columns, from one of them on. */
  grid(operand: number, columns: Index<V>, start?: Index<V>): Grid<V> {
    const m = this.#m;
    return (row, column) =>
      this.entry(operand, () => {
        const element = m.plus(m.times(row(), columns()), column());
        return start ? m.plus(element, start()) : element;
      });
  }
  /** The place of an element of an operand that is real, or whole, whatever the field. */
  place(operand: number, element: V): V {
    return this.#m.at(this.#operand(operand), element);
  }
  load(entry: Entry<V>): Num<V> {
    return entry.map((place) => () => this.#m.load(place()));
  }
  store(entry: Entry<V>, x: Num<V>): void {
    entry.forEach((place, part) => this.#m.store(place(), x[part]!()));
  }
  cell(): Cell<V> {
    const variables: Variable<V>[] = this.#parts(() => this.#m.variable());
    const set = (x: Num<V>): void => (variables.length === 1 ? x : this.#kept(x)).forEach((part, i) => variables[i]!.set(part()));
    return Object.assign((): Num<V> => variables, { set });
  }

  // ---- numbers
  /** A real number as one of the field. */
  real(x: Index<V>): Num<V> {
    return this.#parts((part) => (part === 0 ? x : () => this.#m.real(0)));
  }
  number(x: number): Num<V> {
    return this.real(() => this.#m.real(x));
  }
  nan(): Num<V> {
    return this.#parts(() => () => this.#m.real(NaN));
  }
  add(x: Num<V>, y: Num<V>): Num<V> {
    return x.map((part, i) => () => this.#m.add(part(), y[i]!()));
  }
  sub(x: Num<V>, y: Num<V>): Num<V> {
    return x.map((part, i) => () => this.#m.sub(part(), y[i]!()));
  }
  neg(x: Num<V>): Num<V> {
    return x.map((part) => () => this.#m.neg(part()));
  }
  conj(x: Num<V>): Num<V> {
    return x.map((part, i) => (i === 0 ? part : () => this.#m.neg(part())));
  }
  mul(x: Num<V>, y: Num<V>): Num<V> {
    const m = this.#m;
    if (!this.complex) return [() => m.mul(x[0]!(), y[0]!())];
    const [a, b] = this.#kept(x) as [Index<V>, Index<V>];
    const [c, d] = this.#kept(y) as [Index<V>, Index<V>];
    return [() => m.sub(m.mul(a(), c()), m.mul(b(), d())), () => m.add(m.mul(a(), d()), m.mul(b(), c()))];
  }
  /** x times a real number. */
  times(x: Num<V>, r: Index<V>): Num<V> {
    return x.map((part) => () => this.#m.mul(part(), r()));
  }
  /** x divided by a real number. */
  over(x: Num<V>, r: Index<V>): Num<V> {
    return x.map((part) => () => this.#m.div(part(), r()));
  }
  /**
   * Division by y, which is asked for here and not again: by the greater of its parts first, so that nothing overflows on the way (Smith, "Algorithm
   * 116: Complex division", 1962).
   */
  divisor(y: Num<V>): (x: Num<V>) => Num<V> {
    const m = this.#m;
    if (!this.complex) {
      const d = m.variable();
      d.set(y[0]!());
      return (x) => [() => m.div(x[0]!(), d())];
    }
    const [c, d] = this.#kept(y) as [Index<V>, Index<V>];
    const [p, q, all] = [m.variable(), m.variable(), m.variable()];
    m.if(
      m.lt(m.abs(c()), m.abs(d())),
      () => {
        p.set(m.div(c(), d()));
        q.set(m.real(1));
        all.set(m.add(m.mul(c(), p()), d()));
      },
      () => {
        p.set(m.real(1));
        q.set(m.div(d(), c()));
        all.set(m.add(c(), m.mul(d(), q())));
      },
    );
    return (x) => {
      const [a, b] = this.#kept(x) as [Index<V>, Index<V>];
      return [() => m.div(m.add(m.mul(a(), p()), m.mul(b(), q())), all()), () => m.div(m.sub(m.mul(b(), p()), m.mul(a(), q())), all())];
    };
  }

  // ---- sizes, which are real
  /** The sum of the sizes of the parts. */
  size(x: Num<V>): V {
    const m = this.#m;
    return x.map((part) => (): V => m.abs(part())).reduce((a, b) => () => m.add(a(), b()))();
  }
  /** The square of the absolute value. */
  square(x: Num<V>): V {
    const m = this.#m;
    return this.#kept(x)
      .map((part) => (): V => m.mul(part(), part()))
      .reduce((a, b) => () => m.add(a(), b()))();
  }
  /** The absolute value, where its square is there. */
  magnitude(x: Num<V>): V {
    return this.complex ? this.#m.sqrt(this.square(x)) : this.#m.abs(x[0]!());
  }
  /** The absolute value, whatever the size of the parts. Not in lanes. */
  abs(x: Num<V>): V {
    const m = this.#m;
    if (!this.complex) return m.abs(x[0]!());
    const [a, b] = this.#kept(x) as [Index<V>, Index<V>];
    const [greater, lesser] = [m.variable(), m.variable()];
    greater.set(m.abs(a()));
    lesser.set(m.abs(b()));
    m.if(m.lt(greater(), lesser()), () => {
      const kept = m.keep(lesser());
      lesser.set(greater());
      greater.set(kept());
    });
    m.if(m.not(m.eq(greater(), m.real(0))), () => {
      lesser.set(m.div(lesser(), greater()));
      greater.set(m.mul(greater(), m.sqrt(m.add(m.real(1), m.mul(lesser(), lesser())))));
    });
    return greater();
  }
  isReal(x: Num<V>): V {
    const m = this.#m;
    return this.complex ? m.eq(x[1]!(), m.real(0)) : m.int(1);
  }
  isZero(x: Num<V>): V {
    const m = this.#m;
    return x.map((part) => (): V => m.eq(part(), m.real(0))).reduce((a, b) => () => m.and(a(), b()))();
  }
}

/** An operand of numbers of the field, unless it is real or whole in any case. */
export interface FieldOperand {
  readonly extent: Extent;
  readonly type?: "i32" | "real";
}

/** As a routine, but for its operands: operations list those of a complex number once. */
export interface FieldRoutine {
  readonly name: string;
  readonly reads: readonly FieldOperand[];
  readonly writes: readonly FieldOperand[];
  readonly room?: readonly { readonly extent: Extent }[];
  /** Over the real numbers. */
  cost(sizes: readonly number[]): number;
  run<V>(m: Machine<V>, f: Field<V>): void;
}

/** The routine over the real numbers, and over the complex ones: there each operand is two, real parts and imaginary parts. */
export interface Routines {
  readonly real: Routine;
  readonly complex: Routine;
}

export const overFields = (routine: FieldRoutine): Routines => ({ real: over(routine, false), complex: over(routine, true) });

function over({ name, reads, writes, room = [], cost, run }: FieldRoutine, complex: boolean): Routine {
  const all = [...reads, ...writes];
  const count = ({ type }: FieldOperand): number => (complex && type === undefined ? 2 : 1);
  const first = [0];
  for (const o of all) first.push(first.at(-1)! + count(o));
  const each = (operands: readonly FieldOperand[]): Routine["reads"] =>
    operands.flatMap((o) =>
      new Array<Routine["reads"][number]>(count(o)).fill(o.type === "i32" ? { extent: o.extent, type: "i32" } : { extent: o.extent }),
    );
  return {
    name: complex ? `complex ${name}` : name,
    reads: each(reads),
    writes: each(writes),
    room: complex ? [...room, ...room] : room,
    cost: (sizes) => (complex ? 4 : 1) * cost(sizes),
    run: <V>(m: Machine<V>) => {
      const apart = m.counter();
      if (complex && room.length > 0)
        apart.set(
          room
            .map(
              ({ extent }) =>
                () =>
                  extent.reduce((n, k) => m.times(n, m.size(k)), m.int(1)),
            )
            .reduce((a, b) => () => m.plus(a(), b()))(),
        );
      run(m, new Field(m, complex, (k) => first[k]!, first.at(-1)!, apart));
    },
  };
}
