/** The LU factorization with partial pivoting (Golub and Van Loan, Matrix Computations, 3.4). */
import { type Field, type Grid, overFields, type Routines } from "../field.ts";
import type { Machine } from "../routine.ts";
import { substitute } from "./triangular.ts";

/**
 * P A = L U for each matrix of m rows and n columns, row by row eliminated, columns ascending: from each element products are subtracted
 * one by one. Writes L below the diagonal (which is 1) and U on and above it, in one matrix; for each step the row that was exchanged with
 * its own; and the rows of A in their new order. The pivot is the first greatest element of its column (by the sum of the sizes of its parts, as
 * LAPACK); one of 0 is left, and its column of L with it. sizes = [items, m, n, min(m, n)].
 */
export const lu = overFields({
  name: "lu",
  reads: [{ extent: [1, 2] }],
  writes: [{ extent: [1, 2] }, { extent: [3], type: "i32" }, { extent: [1], type: "i32" }],
  cost: ([, rows, columns, steps]) => (rows! * columns! * steps!) / 3,
  run: (m, f) => {
    const [rows, columns, steps] = [() => m.size(1), () => m.size(2), () => m.size(3)];
    const w = f.grid(1, columns);
    const zero = () => m.int(0);
    const [greatest, size, factor, kept] = [m.variable(), m.variable(), f.cell(), f.cell()];
    const [pivot, order] = [m.counter(), m.counter()];
    m.lanes(zero(), m.times(rows(), columns()), (i) => f.store(f.entry(1, i), f.load(f.entry(0, i))));
    m.each(zero(), rows(), (i) => m.storeInt(f.place(3, i()), i()));
    m.each(zero(), steps(), (k) => {
      pivot.set(k());
      greatest.set(f.size(f.load(w(k, k))));
      m.each(m.plus(k(), m.int(1)), rows(), (i) => {
        size.set(f.size(f.load(w(i, k))));
        m.if(m.lt(greatest(), size()), () => {
          greatest.set(size());
          pivot.set(i());
        });
      });
      m.storeInt(f.place(2, k()), pivot());
      m.if(m.not(m.same(pivot(), k())), () => {
        m.each(zero(), columns(), (j) => {
          kept.set(f.load(w(k, j)));
          f.store(w(k, j), f.load(w(pivot, j)));
          f.store(w(pivot, j), kept());
        });
        order.set(m.loadInt(f.place(3, k())));
        m.storeInt(f.place(3, k()), m.loadInt(f.place(3, pivot())));
        m.storeInt(f.place(3, pivot()), order());
      });
      kept.set(f.load(w(k, k)));
      m.if(m.not(f.isZero(kept())), () => {
        const divided = f.divisor(kept());
        m.each(m.plus(k(), m.int(1)), rows(), (i) => {
          factor.set(divided(f.load(w(i, k))));
          f.store(w(i, k), factor());
          m.lanes(m.plus(k(), m.int(1)), columns(), (j) => f.store(w(i, j), f.sub(f.load(w(i, j)), f.mul(factor(), f.load(w(k, j))))));
        });
      });
    });
  },
});

/**
 * X with A X = B, or with `adjoint` A^H X = B, for each A of which the factors and the order of rows are given. By two substitutions.
 * sizes = [items, n, columns of B].
 */
export const luSolve = (adjoint: boolean): Routines => (adjoint ? backward : forward);

const solver = (adjoint: boolean): Routines =>
  overFields({
    name: `luSolve${adjoint ? " adjoint" : ""}`,
    reads: [{ extent: [1, 1] }, { extent: [1], type: "i32" }, { extent: [1, 2] }],
    writes: [{ extent: [1, 2] }],
    room: adjoint ? [{ extent: [1, 2] }] : [],
    cost: ([, n, columns]) => n! * n! * columns!,
    run: <V>(m: Machine<V>, f: Field<V>) => {
      const [n, columns] = [() => m.size(1), () => m.size(2)];
      const [b, x, room] = [f.grid(2, columns), f.grid(3, columns), f.grid(4, columns)];
      const place = m.counter();
      const solve = (upper: boolean, y: Grid<V>): void => substitute(m, f, { upper, adjoint, unit: !upper }, f.grid(0, n), y, [n, columns]);
      /** Rows of B into the order of the factors, or rows of X back into that of A. */
      const reorder = (to: Grid<V>, from: Grid<V>): void =>
        m.each(m.int(0), n(), (i) => {
          place.set(m.loadInt(f.place(1, i())));
          const [into, out] = adjoint ? [place, i] : [i, place];
          m.lanes(m.int(0), columns(), (c) => f.store(to(into, c), f.load(from(out, c))));
        });
      if (adjoint) {
        m.lanes(m.int(0), m.times(n(), columns()), (i) => f.store(f.entry(4, i), f.load(f.entry(2, i))));
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
