/** The singular value decomposition by one-sided Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.6.3). */
import { type Index, type Machine, matrix, type Routine } from "../routine.ts";
import { directionOf, rotateRows, type Rotation, rotationFor, SWEEPS, swapRows } from "./jacobi.ts";

/** Cosines of angles below about 16 units in the last place count as 0: rounding of the sums alone makes as much. */
const SMALL = 1 / 32;

/**
 * A = U diag(s) V^T for each matrix of m rows and n columns, m >= n, s descending, with as many columns of U as asked for: n or m. Pairs of
 * columns of A are rotated in the order (0, 1), (0, 2), ..., (1, 2), ..., sweep by sweep, until all are orthogonal; sums over rows ascend. Columns
 * of U that A does not determine are found one by one: the unit vector that is farthest from those before, made orthogonal to them. The first
 * component of each column of U that has more than 0.3 of the greatest one's size is positive. sizes = [items, m, n, columns of U].
 */
export const svd: Routine = {
  name: "svd",
  reads: [{ extent: [1, 2] }],
  writes: [{ extent: [1, 3] }, { extent: [2] }, { extent: [2, 2] }],
  // U transposed, which begins as A transposed; a row.
  room: [{ extent: [3, 1] }, { extent: [1] }],
  cost: ([, m, n]) => 20 * m! * n! * n!,
  run: <V>(m: Machine<V>) => {
    const [zero, one, rows, columns, wide] = [() => m.int(0), () => m.int(1), () => m.size(1), () => m.size(2), () => m.size(3)];
    const room = 4;
    const [a, output, v, u] = [matrix(m, 0, columns), matrix(m, 1, wide), matrix(m, 3, columns), matrix(m, room, rows)];
    const value = (i: Index<V>): V => m.at(2, i());
    const kept = (c: Index<V>): V => m.at(room, m.plus(m.times(wide(), rows()), c()));
    const rotation: Rotation<V> = { cosine: m.variable(), sine: m.variable(), tangent: m.variable() };
    const [x, y, first, second, both, scale] = [m.variable(), m.variable(), m.variable(), m.variable(), m.variable(), m.variable()];
    const [changed, sweeps, best] = [m.counter(), m.counter(), m.counter()];
    const square = (sum: typeof first, p: Index<V>): void => {
      sum.set(m.real(0));
      m.each(zero(), rows(), (k) => {
        x.set(m.load(u(p, k)));
        sum.set(m.add(sum(), m.mul(x(), x())));
      });
    };

    // A transposed, with 1 as its greatest element, so that no square overflows.
    scale.set(m.real(0));
    m.each(zero(), m.times(rows(), columns()), (i) => {
      x.set(m.abs(m.load(m.at(0, i()))));
      m.if(m.lt(scale(), x()), () => scale.set(x()));
    });
    m.if(m.eq(scale(), m.real(0)), () => scale.set(m.real(1)));
    m.each(zero(), columns(), (j) => m.each(zero(), rows(), (i) => m.store(u(j, i), m.div(m.load(a(i, j)), scale()))));
    m.each(zero(), columns(), (i) => m.each(zero(), columns(), (j) => m.store(v(i, j), m.real(0))));
    m.each(zero(), columns(), (i) => m.store(v(i, i), m.real(1)));

    const rotate = (p: Index<V>, q: Index<V>): void => {
      first.set(m.real(0));
      second.set(m.real(0));
      both.set(m.real(0));
      m.each(zero(), rows(), (k) => {
        x.set(m.load(u(p, k)));
        y.set(m.load(u(q, k)));
        first.set(m.add(first(), m.mul(x(), x())));
        second.set(m.add(second(), m.mul(y(), y())));
        both.set(m.add(both(), m.mul(x(), y())));
      });
      x.set(m.mul(m.sqrt(first()), m.sqrt(second())));
      m.if(m.not(m.eq(m.add(x(), m.mul(m.abs(both()), m.real(SMALL))), x())), () => {
        x.set(m.sub(second(), first()));
        rotationFor(m, rotation, x, both);
        rotateRows(m, rotation, u, [p, q], rows, kept);
        rotateRows(m, rotation, v, [p, q], columns, kept);
        changed.set(one());
      });
    };
    changed.set(one());
    sweeps.set(zero());
    m.while(
      () => m.and(changed(), m.less(sweeps(), m.int(SWEEPS))),
      () => {
        changed.set(zero());
        sweeps.set(m.plus(sweeps(), one()));
        m.each(zero(), columns(), (p) => m.each(m.plus(p(), one()), columns(), (q) => rotate(p, q)));
      },
    );

    m.each(zero(), columns(), (i) => {
      square(first, i);
      m.store(value(i), m.sqrt(first()));
    });
    m.each(zero(), columns(), (i) => {
      best.set(i());
      m.each(m.plus(i(), one()), columns(), (j) => m.if(m.lt(m.load(value(best)), m.load(value(j))), () => best.set(j())));
      first.set(m.load(value(i)));
      m.store(value(i), m.load(value(best)));
      m.store(value(best), first());
      swapRows(m, u, [i, best], rows, kept);
      swapRows(m, v, [i, best], columns, kept);
    });

    /** Makes row i orthogonal to the rows before it. */
    const orthogonalize = (i: Index<V>): void =>
      m.each(zero(), i(), (j) => {
        first.set(m.real(0));
        m.each(zero(), rows(), (k) => first.set(m.add(first(), m.mul(m.load(u(i, k)), m.load(u(j, k))))));
        m.lanes(zero(), rows(), (k) => m.store(u(i, k), m.sub(m.load(u(i, k)), m.mul(first(), m.load(u(j, k))))));
      });
    const complete = (i: Index<V>): void => {
      second.set(m.real(2));
      best.set(zero());
      m.each(zero(), rows(), (k) => {
        first.set(m.real(0));
        m.each(zero(), i(), (j) => {
          x.set(m.load(u(j, k)));
          first.set(m.add(first(), m.mul(x(), x())));
        });
        m.if(m.lt(first(), second()), () => {
          second.set(first());
          best.set(k());
        });
      });
      m.each(zero(), rows(), (k) => m.store(u(i, k), m.real(0)));
      m.store(u(i, best), m.real(1));
      orthogonalize(i);
      orthogonalize(i);
      square(first, i);
      first.set(m.sqrt(first()));
      m.lanes(zero(), rows(), (k) => m.store(u(i, k), m.div(m.load(u(i, k)), first())));
    };
    m.each(zero(), wide(), (i) => {
      best.set(one());
      m.if(m.less(i(), columns()), () => {
        first.set(m.load(value(i)));
        m.if(m.not(m.eq(first(), m.real(0))), () => {
          best.set(zero());
          m.lanes(zero(), rows(), (k) => m.store(u(i, k), m.div(m.load(u(i, k)), first())));
        });
        m.store(value(i), m.mul(first(), scale()));
      });
      m.if(best(), () => complete(i));
      directionOf(m, x, u, i, rows);
      m.each(zero(), rows(), (k) => m.store(output(k, i), m.mul(x(), m.load(u(i, k)))));
      m.if(m.less(i(), columns()), () => m.lanes(zero(), columns(), (k) => m.store(v(i, k), m.mul(x(), m.load(v(i, k))))));
    });
  },
};
