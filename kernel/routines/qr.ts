/** The QR factorization by Householder reflections (Golub and Van Loan, Matrix Computations, 5.1 and 5.2). */
import { type Elements, type Index, type Machine, matrix, type Routine } from "../routine.ts";

/**
 * A = Q R for each matrix of m rows and n columns, m >= n, with as many columns of Q as asked for: n or m. Column by column from the left a reflection
 * I - t v v^T, v with a 1 where the diagonal is, leaves its length on the diagonal, with the other sign than what was there (LAPACK's
 * choice); where a column has zeros below already it is left. Sums over rows ascend. sizes = [items, m, n, columns of Q].
 */
export const qr: Routine = {
  name: "qr",
  reads: [{ extent: [1, 2] }],
  writes: [{ extent: [1, 3] }, { extent: [3, 2] }],
  // The matrix as it is reduced, v below its diagonal; t; a row.
  room: [{ extent: [1, 2] }, { extent: [2] }, { extent: [3] }, { extent: [2] }],
  cost: ([, m, n, p]) => 2 * m! * n! * (n! + p!),
  run: <V>(m: Machine<V>) => {
    const [zero, one, rows, columns, wide] = [() => m.int(0), () => m.int(1), () => m.size(1), () => m.size(2), () => m.size(3)];
    const room = 3;
    const [q, r, w] = [matrix(m, 1, wide), matrix(m, 2, columns), matrix(m, room, columns)];
    const after = (i: Index<V>): V => m.plus(i(), one());
    const t = (j: Index<V>): V => m.at(room, m.plus(m.times(rows(), columns()), j()));
    const row = (c: Index<V>): V => m.at(room, m.plus(m.times(after(rows), columns()), c()));
    const [scale, squares, diagonal, length, factor] = [m.variable(), m.variable(), m.variable(), m.variable(), m.variable()];

    /** The columns of x from the j-th on, reflected: x - t v (v^T x). */
    const reflect = (j: Index<V>, x: Elements<V>, from: Index<V>, to: Index<V>): void => {
      m.lanes(from(), to(), (c) => m.store(row(c), m.load(x(j, c))));
      m.each(after(j), rows(), (i) => {
        factor.set(m.load(w(i, j)));
        m.lanes(from(), to(), (c) => m.store(row(c), m.add(m.load(row(c)), m.mul(factor(), m.load(x(i, c))))));
      });
      factor.set(m.load(t(j)));
      m.lanes(from(), to(), (c) => m.store(row(c), m.mul(m.load(row(c)), factor())));
      m.lanes(from(), to(), (c) => m.store(x(j, c), m.sub(m.load(x(j, c)), m.load(row(c)))));
      m.each(after(j), rows(), (i) => {
        factor.set(m.load(w(i, j)));
        m.lanes(from(), to(), (c) => m.store(x(i, c), m.sub(m.load(x(i, c)), m.mul(factor(), m.load(row(c))))));
      });
    };

    m.lanes(zero(), m.times(rows(), columns()), (i) => m.store(m.at(room, i()), m.load(m.at(0, i()))));
    m.each(zero(), columns(), (j) => {
      scale.set(m.real(0));
      m.each(j(), rows(), (i) => {
        factor.set(m.abs(m.load(w(i, j))));
        m.if(m.lt(scale(), factor()), () => scale.set(factor()));
      });
      m.if(m.eq(scale(), m.real(0)), () => scale.set(m.real(1)));
      squares.set(m.real(0));
      m.each(after(j), rows(), (i) => {
        factor.set(m.div(m.load(w(i, j)), scale()));
        squares.set(m.add(squares(), m.mul(factor(), factor())));
      });
      m.store(t(j), m.real(0));
      m.if(m.not(m.eq(squares(), m.real(0))), () => {
        diagonal.set(m.load(w(j, j)));
        factor.set(m.div(diagonal(), scale()));
        length.set(m.mul(scale(), m.sqrt(m.add(m.mul(factor(), factor()), squares()))));
        m.if(m.not(m.lt(diagonal(), m.real(0))), () => length.set(m.neg(length())));
        m.store(t(j), m.div(m.sub(length(), diagonal()), length()));
        factor.set(m.sub(diagonal(), length()));
        m.each(after(j), rows(), (i) => m.store(w(i, j), m.div(m.load(w(i, j)), factor())));
        m.store(w(j, j), length());
        reflect(j, w, () => after(j), columns);
      });
    });
    m.each(zero(), wide(), (i) => m.each(zero(), columns(), (j) => m.store(r(i, j), m.real(0))));
    m.each(zero(), columns(), (i) => m.lanes(i(), columns(), (j) => m.store(r(i, j), m.load(w(i, j)))));
    m.each(zero(), rows(), (i) => m.each(zero(), wide(), (j) => m.store(q(i, j), m.real(0))));
    m.each(zero(), wide(), (i) => m.store(q(i, i), m.real(1)));
    m.down(columns(), zero(), (j) => m.if(m.not(m.eq(m.load(t(j)), m.real(0))), () => reflect(j, q, j, wide)));
  },
};
