/** Reflections, and the unitary similarity of a matrix to Hessenberg form (Golub and Van Loan, Matrix Computations, 7.4). */
import type { Cell, Entry, Field, Grid, Num } from "../field.ts";
import type { Index, Machine, Variable } from "../routine.ts";

/** A reflection 1 - t v v^H with v = (1, ...): its adjoint takes a vector, of which `first` is the first component, to a real multiple of (1, 0, ...). */
export interface Reflection<V> {
  readonly t: Cell<V>;
  /** What the vector becomes. */
  readonly length: Variable<V>;
}

/**
 * Sets the reflection for a vector with the sum of squares of the other components given, and hands over what divides those to make v. Nothing
 * where they are 0 and the first is real.
 */
export function reflection<V>(
  m: Machine<V>,
  f: Field<V>,
  { t, length }: Reflection<V>,
  first: Cell<V>,
  squares: Variable<V>,
  then: (divided: (x: Num<V>) => Num<V>) => void,
): void {
  m.if(m.not(m.and(m.eq(squares(), m.real(0)), f.isReal(first()))), () => {
    length.set(m.sqrt(m.add(f.square(first()), squares())));
    m.if(m.not(m.lt(first()[0]!(), m.real(0))), () => length.set(m.neg(length())));
    t.set(f.over(f.sub(f.real(length), first()), length));
    then(f.divisor(f.sub(first(), f.real(length))));
  });
}

/**
 * H and Q become Q1^H H Q1, with zeros below the diagonal beside the main one, and Q Q1: column by column a reflection. `x` is a row of room.
 */
export function toHessenberg<V>(m: Machine<V>, f: Field<V>, h: Grid<V>, q: Grid<V>, x: (k: Index<V>) => Entry<V>, n: Index<V>): void {
  const after = (k: Index<V>, by = 1): V => m.plus(k(), m.int(by));
  const [squares, first, sum] = [m.variable(), f.cell(), f.cell()];
  const mirror: Reflection<V> = { t: f.cell(), length: m.variable() };
  m.each(m.int(0), m.minus(n(), m.int(2)), (j) => {
    const next = (): V => after(j);
    first.set(f.load(h(next, j)));
    squares.set(m.real(0));
    m.each(after(j, 2), n(), (i) => squares.set(m.add(squares(), f.square(f.load(h(i, j))))));
    reflection(m, f, mirror, first, squares, (divided) => {
      f.store(x(next), f.number(1));
      m.each(after(j, 2), n(), (i) => {
        f.store(x(i), divided(f.load(h(i, j))));
        f.store(h(i, j), f.number(0));
      });
      f.store(h(next, j), f.real(mirror.length));
      m.each(next(), n(), (c) => {
        sum.set(f.number(0));
        m.each(next(), n(), (i) => sum.set(f.add(sum(), f.mul(f.conj(f.load(x(i))), f.load(h(i, c))))));
        sum.set(f.mul(sum(), f.conj(mirror.t())));
        m.each(next(), n(), (i) => f.store(h(i, c), f.sub(f.load(h(i, c)), f.mul(f.load(x(i)), sum()))));
      });
      for (const grid of [h, q])
        m.each(m.int(0), n(), (r) => {
          sum.set(f.number(0));
          m.each(next(), n(), (i) => sum.set(f.add(sum(), f.mul(f.load(grid(r, i)), f.load(x(i))))));
          sum.set(f.mul(sum(), mirror.t()));
          m.each(next(), n(), (i) => f.store(grid(r, i), f.sub(f.load(grid(r, i)), f.mul(sum(), f.conj(f.load(x(i)))))));
        });
    });
  });
}
