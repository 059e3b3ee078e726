/** The Cholesky factorization A = L L^T (Golub and Van Loan, Matrix Computations, 4.2). */
import { matrix, type Routine } from "../routine.ts";

/**
 * L of each matrix, from the lower triangle of A; NaN all over where A is not positive definite; and which pivot is the first that is not positive, counted from 1, or 0. From each element products are subtracted
 * one by one, by ascending columns of L. sizes = [items, n].
 */
export const cholesky: Routine = {
  name: "cholesky",
  reads: [{ extent: [1, 1] }],
  writes: [{ extent: [1, 1] }, { extent: [], type: "i32" }],
  cost: ([, n]) => n! ** 3 / 6,
  run: (m) => {
    const n = () => m.size(1);
    const [a, l] = [matrix(m, 0, n), matrix(m, 1, n)];
    const [rest, failed] = [m.variable(), m.counter()];
    failed.set(m.int(0));
    m.each(m.int(0), n(), (i) => {
      m.each(m.int(0), i(), (j) => {
        rest.set(m.load(a(i, j)));
        m.each(m.int(0), j(), (k) => rest.set(m.sub(rest(), m.mul(m.load(l(i, k)), m.load(l(j, k))))));
        m.store(l(i, j), m.div(rest(), m.load(l(j, j))));
      });
      rest.set(m.load(a(i, i)));
      m.each(m.int(0), i(), (k) => rest.set(m.sub(rest(), m.mul(m.load(l(i, k)), m.load(l(i, k))))));
      m.if(m.and(m.not(m.lt(m.real(0), rest())), m.not(failed())), () => failed.set(m.plus(i(), m.int(1))));
      m.store(l(i, i), m.sqrt(rest()));
      m.each(m.plus(i(), m.int(1)), n(), (j) => m.store(l(i, j), m.real(0)));
    });
    m.storeInt(m.at(2, m.int(0)), failed());
    m.if(failed(), () => m.each(m.int(0), m.times(n(), n()), (i) => m.store(m.at(1, i()), m.real(NaN))));
  },
};
