/** The QR factorization by Householder reflections (Golub and Van Loan, Matrix Computations, 5.1 and 5.2). */
import { type Entry, type Field, type Grid, overFields } from "../field.ts";
import type { Index, Machine } from "../routine.ts";

/**
 * A = Q R for each matrix of m rows and n columns, m >= n, with as many columns of Q as asked for: n or m. Column by column from the left a reflection
 * I - t v v^H, v with a 1 where the diagonal is (its adjoint, where t is complex), leaves its length on the diagonal, real, with the other sign than
 * the real part there had (LAPACK's choice); where a column has zeros below and a real diagonal already it is left. Sums over rows ascend. sizes = [items, m, n, columns of Q].
 */
export const qr = overFields({
  name: "qr",
  reads: [{ extent: [1, 2] }],
  writes: [{ extent: [1, 3] }, { extent: [3, 2] }],
  // The matrix as it is reduced, v below its diagonal; t; a row.
  room: [{ extent: [1, 2] }, { extent: [2] }, { extent: [3] }, { extent: [2] }],
  cost: ([, m, n, p]) => 2 * m! * n! * (n! + p!),
  run: <V>(m: Machine<V>, f: Field<V>) => {
    const [zero, one, rows, columns, wide] = [() => m.int(0), () => m.int(1), () => m.size(1), () => m.size(2), () => m.size(3)];
    const room = 3;
    const [q, r, w] = [f.grid(1, wide), f.grid(2, columns), f.grid(room, columns)];
    const after = (i: Index<V>): V => m.plus(i(), one());
    const t = (j: Index<V>): Entry<V> => f.entry(room, () => m.plus(m.times(rows(), columns()), j()));
    const row = (c: Index<V>): Entry<V> => f.entry(room, () => m.plus(m.times(after(rows), columns()), c()));
    const [scale, squares, length] = [m.variable(), m.variable(), m.variable()];
    const [diagonal, factor] = [f.cell(), f.cell()];

    /** The columns of x from the j-th on, reflected: x - t v (v^H x); with `adjoint` by the adjoint of the reflection. */
    const reflect = (j: Index<V>, x: Grid<V>, from: Index<V>, to: Index<V>, adjoint: boolean): void => {
      m.lanes(from(), to(), (c) => f.store(row(c), f.load(x(j, c))));
      m.each(after(j), rows(), (i) => {
        factor.set(f.conj(f.load(w(i, j))));
        m.lanes(from(), to(), (c) => f.store(row(c), f.add(f.load(row(c)), f.mul(factor(), f.load(x(i, c))))));
      });
      factor.set(adjoint ? f.conj(f.load(t(j))) : f.load(t(j)));
      m.lanes(from(), to(), (c) => f.store(row(c), f.mul(f.load(row(c)), factor())));
      m.lanes(from(), to(), (c) => f.store(x(j, c), f.sub(f.load(x(j, c)), f.load(row(c)))));
      m.each(after(j), rows(), (i) => {
        factor.set(f.load(w(i, j)));
        m.lanes(from(), to(), (c) => f.store(x(i, c), f.sub(f.load(x(i, c)), f.mul(factor(), f.load(row(c))))));
      });
    };

    m.lanes(zero(), m.times(rows(), columns()), (i) => f.store(f.entry(room, i), f.load(f.entry(0, i))));
    m.each(zero(), columns(), (j) => {
      scale.set(m.real(0));
      m.each(j(), rows(), (i) => {
        length.set(f.size(f.load(w(i, j))));
        m.if(m.lt(scale(), length()), () => scale.set(length()));
      });
      m.if(m.eq(scale(), m.real(0)), () => scale.set(m.real(1)));
      squares.set(m.real(0));
      m.each(after(j), rows(), (i) => squares.set(m.add(squares(), f.square(f.over(f.load(w(i, j)), scale)))));
      f.store(t(j), f.number(0));
      diagonal.set(f.load(w(j, j)));
      m.if(m.not(m.and(m.eq(squares(), m.real(0)), f.isReal(diagonal()))), () => {
        length.set(m.mul(scale(), m.sqrt(m.add(f.square(f.over(diagonal(), scale)), squares()))));
        m.if(m.not(m.lt(diagonal()[0]!(), m.real(0))), () => length.set(m.neg(length())));
        f.store(t(j), f.over(f.sub(f.real(length), diagonal()), length));
        const divided = f.divisor(f.sub(diagonal(), f.real(length)));
        m.each(after(j), rows(), (i) => f.store(w(i, j), divided(f.load(w(i, j)))));
        f.store(w(j, j), f.real(length));
        reflect(j, w, () => after(j), columns, true);
      });
    });
    m.each(zero(), wide(), (i) => m.each(zero(), columns(), (j) => f.store(r(i, j), f.number(0))));
    m.each(zero(), columns(), (i) => m.lanes(i(), columns(), (j) => f.store(r(i, j), f.load(w(i, j)))));
    m.each(zero(), rows(), (i) => m.each(zero(), wide(), (j) => f.store(q(i, j), f.number(0))));
    m.each(zero(), wide(), (i) => f.store(q(i, i), f.number(1)));
    m.down(columns(), zero(), (j) => m.if(m.not(f.isZero(f.load(t(j)))), () => reflect(j, q, j, wide, false)));
  },
});
