/**
 * Eigenvalues and eigenvectors of matrices of any kind: a unitary similarity to Hessenberg form (Golub and Van Loan, Matrix Computations, 7.4), the QR algorithm
 * to triangular form (7.5), as LAPACK's zlahqr and dlahqr do it, whose order of eigenvalues it so has, and back substitution (7.6).
 */
import { type Entry, type Field, type Num, overFields, type Routines } from "../field.ts";
import type { Index, Machine, Routine, Variable } from "../routine.ts";
import { splitBlocks, toQuasiTriangular } from "./francis.ts";
import { toHessenberg } from "./hessenberg.ts";
import { directionOf } from "./jacobi.ts";
import { toTriangular } from "./shifted.ts";

/**
 * A V = V diag(w) for each matrix A of n rows, w and V complex. Each column of V has length 1, and its first component that
 * has more than 0.3 of the greatest one's size is real and positive. NaN where something is not finite, or the algorithm does not converge. sizes = [items, n].
 */
const eigOf = (real: boolean): Routine =>
  overFields({
    name: real ? "eig of real" : "eig",
    reads: [real ? { extent: [1, 1], type: "real" } : { extent: [1, 1] }],
    writes: [{ extent: [1] }, { extent: [1, 1] }],
    // The matrix as it becomes triangular, the unitary matrix that does it, a vector.
    room: [{ extent: [1, 1] }, { extent: [1, 1] }, { extent: [1] }],
    cost: ([, n]) => 10 * n! ** 3,
    run: <V>(m: Machine<V>, f: Field<V>) => {
      const [zero, one, n] = [() => m.int(0), () => m.int(1), () => m.size(1)];
      const room = 3;
      const square = (): V => m.times(n(), n());
      const [h, q] = [f.grid(room, n), f.grid(room, n, square)];
      const vectors = f.grid(2, n);
      const value = (k: Index<V>): Entry<V> => f.entry(1, k);
      const x = (k: Index<V>): Entry<V> => f.entry(room, () => m.plus(m.times(m.int(2), square()), k()));
      const after = (k: Index<V>, by = 1): V => m.plus(k(), m.int(by));
      const [greatest, size, other, total, squares, ulp] = Array.from({ length: 6 }, () => m.variable()) as unknown as Six<Variable<V>>;
      const [first, sum, gap, v] = [f.cell(), f.cell(), f.cell(), f.cell()];
      const scale = m.variable();

      const failed = m.counter();
      const input = (i: Index<V>): Num<V> => (real ? f.real(() => m.load(f.place(0, i()))) : f.load(f.entry(0, i)));

      // Scaled where squares would overflow, or vanish.
      failed.set(zero());
      greatest.set(m.real(0));
      m.each(zero(), square(), (i) => {
        size.set(f.size(input(i)));
        m.if(m.lt(greatest(), size()), () => greatest.set(size()));
        m.if(m.not(m.lt(size(), m.real(Infinity))), () => failed.set(one()));
      });
      scale.set(m.real(1));
      size.set(m.mul(greatest(), greatest()));
      m.if(m.not(m.and(m.lt(size(), m.real(Infinity)), m.lt(m.real(0), size()))), () => {
        m.if(m.not(m.eq(greatest(), m.real(0))), () => scale.set(greatest()));
        greatest.set(m.real(1));
      });
      m.lanes(zero(), square(), (i) => f.store(f.entry(room, i), f.over(input(i), scale)));
      m.each(zero(), n(), (i) => m.each(zero(), n(), (j) => f.store(q(i, j), f.number(0))));
      m.each(zero(), n(), (i) => f.store(q(i, i), f.number(1)));
      ulp.set(m.real(1));
      m.while(
        () => m.not(m.eq(m.add(m.real(1), m.mul(ulp(), m.real(0.5))), m.real(1))),
        () => ulp.set(m.mul(ulp(), m.real(0.5))),
      );

      if (real) {
        const r = f.reals();
        const [hr, qr] = [r.grid(room, n), r.grid(room, n, square)];
        toHessenberg(m, r, hr, qr, (k) => x(k).slice(0, 1), n);
        toQuasiTriangular(m, r, hr, qr, n, ulp, failed);
        splitBlocks(m, f, h, q, n);
      } else {
        toHessenberg(m, f, h, q, x, n);
        toTriangular(m, f, h, q, n, ulp, failed);
      }
      m.each(zero(), n(), (i) => f.store(value(i), f.times(f.load(h(i, i)), scale)));

      // ---- eigenvectors of the triangular matrix, and those of A
      m.each(zero(), n(), (j) => {
        f.store(x(j), f.number(1));
        total.set(f.size(f.load(h(j, j))));
        m.if(m.lt(total(), m.mul(ulp(), greatest())), () => total.set(m.mul(ulp(), greatest())));
        total.set(m.mul(ulp(), total()));
        m.down(j(), zero(), (i) => {
          sum.set(f.number(0));
          m.each(after(i), after(j), (c) => sum.set(f.add(sum(), f.mul(f.load(h(i, c)), f.load(x(c))))));
          gap.set(f.sub(f.load(h(j, j)), f.load(h(i, i))));
          m.if(m.lt(f.size(gap()), total()), () => gap.set(f.real(total)));
          first.set(f.divisor(gap())(sum()));
          f.store(x(i), first());
          // Before anything overflows, all are made smaller.
          size.set(f.size(first()));
          m.if(m.lt(m.real(1), m.mul(size(), ulp())), () => m.each(i(), after(j), (c) => f.store(x(c), f.over(f.load(x(c)), size))));
        });
        m.each(zero(), n(), (r) => {
          sum.set(f.number(0));
          m.each(zero(), after(j), (c) => sum.set(f.add(sum(), f.mul(f.load(q(r, c)), f.load(x(c))))));
          f.store(vectors(r, j), sum());
        });
        size.set(m.real(0));
        m.each(zero(), n(), (r) => {
          other.set(f.size(f.load(vectors(r, j))));
          m.if(m.lt(size(), other()), () => size.set(other()));
        });
        squares.set(m.real(0));
        m.each(zero(), n(), (r) => {
          f.store(vectors(r, j), f.over(f.load(vectors(r, j)), size));
          squares.set(m.add(squares(), f.square(f.load(vectors(r, j)))));
        });
        size.set(m.sqrt(squares()));
        directionOf(m, f, v, (column, r) => vectors(r, column), j, n);
        v.set(f.over(v(), size));
        m.each(zero(), n(), (r) => f.store(vectors(r, j), f.mul(v(), f.load(vectors(r, j)))));
      });
      m.if(failed(), () => {
        m.each(zero(), n(), (k) => f.store(value(k), f.nan()));
        m.each(zero(), square(), (k) => f.store(f.entry(2, k), f.nan()));
      });
    },
  }).complex;
/** Of complex matrices and of real ones. */
export const eig: Routines = { complex: eigOf(false), real: eigOf(true) };
type Six<T> = readonly [T, T, T, T, T, T];
