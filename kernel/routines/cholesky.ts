/** The Cholesky factorization A = L L^H (Golub and Van Loan, Matrix Computations, 4.2). */
import { overFields } from "../field.ts";

/**
 * L of each matrix, from the lower triangle of A and the real parts of its diagonal; NaN all over where A is not positive definite; and which pivot is
 * the first that is not positive, counted from 1, or 0. From each element products are subtracted one by one, by ascending columns of L. sizes = [items, n].
 */
export const cholesky = overFields({
  name: "cholesky",
  reads: [{ extent: [1, 1] }],
  writes: [{ extent: [1, 1] }, { extent: [], type: "i32" }],
  cost: ([, n]) => n! ** 3 / 6,
  run: (m, f) => {
    const n = () => m.size(1);
    const [a, l] = [f.grid(0, n), f.grid(1, n)];
    const [rest, diagonal, failed] = [f.cell(), m.variable(), m.counter()];
    failed.set(m.int(0));
    m.each(m.int(0), n(), (i) => {
      m.each(m.int(0), i(), (j) => {
        rest.set(f.load(a(i, j)));
        m.each(m.int(0), j(), (k) => rest.set(f.sub(rest(), f.mul(f.load(l(i, k)), f.conj(f.load(l(j, k)))))));
        f.store(l(i, j), f.over(rest(), f.load(l(j, j))[0]!));
      });
      diagonal.set(f.load(a(i, i))[0]!());
      m.each(m.int(0), i(), (k) => diagonal.set(m.sub(diagonal(), f.square(f.load(l(i, k))))));
      m.if(m.and(m.not(m.lt(m.real(0), diagonal())), m.not(failed())), () => failed.set(m.plus(i(), m.int(1))));
      f.store(
        l(i, i),
        f.real(() => m.sqrt(diagonal())),
      );
      m.each(m.plus(i(), m.int(1)), n(), (j) => f.store(l(i, j), f.number(0)));
    });
    m.storeInt(f.place(2, m.int(0)), failed());
    m.if(failed(), () => m.each(m.int(0), m.times(n(), n()), (i) => f.store(f.entry(1, i), f.nan())));
  },
});
