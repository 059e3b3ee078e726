/** The LU factorization with partial pivoting (Golub and Van Loan, Matrix Computations, 3.4). */
import { matrix, type Routine } from "../routine.ts";

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
    m.each(zero(), m.times(rows(), columns()), (i) => m.store(m.at(1, i()), m.load(m.at(0, i()))));
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
