/** The LU factorization with partial pivoting (Golub and Van Loan, Matrix Computations, 3.4). */
import { type Elements, type Machine, matrix, type Routine } from "../routine.ts";
import { substitute } from "./triangular.ts";

/**
 * P A = L U for each matrix of m rows and n columns, row by row eliminated, columns ascending: from each element products are subtracted
 * one by one. Writes L below the diagonal (which is 1) and U on and above it, in one matrix; for each step the row that was exchanged with
 * its own; and the rows of A in their new order. The pivot is the first greatest element of its column; one of 0 is left, and its
 * column of L with it. sizes = [items, m, n, min(m, n)].
 */
export const lu: Routine = {
  name: "lu",
  reads: [{ extent: [1, 2] }],
  writes: [{ extent: [1, 2] }, { extent: [3], type: "i32" }, { extent: [1], type: "i32" }],
  cost: ([, rows, columns, steps]) => (rows! * columns! * steps!) / 3,
  run: (m) => {
    const [rows, columns, steps] = [() => m.size(1), () => m.size(2), () => m.size(3)];
    const f = matrix(m, 1, columns);
    const zero = () => m.int(0);
    const [greatest, size, kept] = [m.variable(), m.variable(), m.variable()];
    const [pivot, order] = [m.counter(), m.counter()];
    m.lanes(zero(), m.times(rows(), columns()), (i) => m.store(m.at(1, i()), m.load(m.at(0, i()))));
    m.each(zero(), rows(), (i) => m.storeInt(m.at(3, i()), i()));
    m.each(zero(), steps(), (k) => {
      pivot.set(k());
      greatest.set(m.abs(m.load(f(k, k))));
      m.each(m.plus(k(), m.int(1)), rows(), (i) => {
        size.set(m.abs(m.load(f(i, k))));
        m.if(m.lt(greatest(), size()), () => {
          greatest.set(size());
          pivot.set(i());
        });
      });
      m.storeInt(m.at(2, k()), pivot());
      m.if(m.not(m.same(pivot(), k())), () => {
        m.each(zero(), columns(), (j) => {
          kept.set(m.load(f(k, j)));
          m.store(f(k, j), m.load(f(pivot, j)));
          m.store(f(pivot, j), kept());
        });
        order.set(m.loadInt(m.at(3, k())));
        m.storeInt(m.at(3, k()), m.loadInt(m.at(3, pivot())));
        m.storeInt(m.at(3, pivot()), order());
      });
      kept.set(m.load(f(k, k)));
      m.if(m.not(m.eq(kept(), m.real(0))), () =>
        m.each(m.plus(k(), m.int(1)), rows(), (i) => {
          size.set(m.div(m.load(f(i, k)), kept()));
          m.store(f(i, k), size());
          m.lanes(m.plus(k(), m.int(1)), columns(), (j) => m.store(f(i, j), m.sub(m.load(f(i, j)), m.mul(size(), m.load(f(k, j))))));
        }),
      );
    });
  },
};

/**
 * X with A X = B, or with `transposed` A^T X = B, for each A of which the factors and the order of rows are given. By two substitutions.
 * sizes = [items, n, columns of B].
 */
export const luSolve = (transposed: boolean): Routine => (transposed ? backward : forward);

const solver = (transposed: boolean): Routine => ({
  name: `luSolve${transposed ? " transposed" : ""}`,
  reads: [{ extent: [1, 1] }, { extent: [1], type: "i32" }, { extent: [1, 2] }],
  writes: [{ extent: [1, 2] }],
  room: transposed ? [{ extent: [1, 2] }] : [],
  cost: ([, n, columns]) => n! * n! * columns!,
  run: <V>(m: Machine<V>) => {
    const [n, columns] = [() => m.size(1), () => m.size(2)];
    const [b, x, room] = [matrix(m, 2, columns), matrix(m, 3, columns), matrix(m, 4, columns)];
    const place = m.counter();
    const solve = (upper: boolean, y: Elements<V>): void =>
      substitute(m, { upper, transposed, unit: !upper }, matrix(m, 0, n), y, [n, columns]);
    /** Rows of B into the order of the factors, or rows of X back into that of A. */
    const reorder = (to: Elements<V>, from: Elements<V>): void =>
      m.each(m.int(0), n(), (i) => {
        place.set(m.loadInt(m.at(1, i())));
        const [into, out] = transposed ? [place, i] : [i, place];
        m.lanes(m.int(0), columns(), (c) => m.store(to(into, c), m.load(from(out, c))));
      });
    if (transposed) {
      m.lanes(m.int(0), m.times(n(), columns()), (i) => m.store(m.at(4, i()), m.load(m.at(2, i()))));
      solve(true, room);
      solve(false, room);
      reorder(x, room);
    } else {
      reorder(x, b);
      solve(false, x);
      solve(true, x);
    }
  },
});
const [forward, backward] = [solver(false), solver(true)];
