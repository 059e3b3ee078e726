/** The singular value decomposition by one-sided Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.6.3). */
import { type Entry, type Field, overFields } from "../field.ts";
import type { Index, Machine, Variable } from "../routine.ts";
import { directionOf, rotateRows, type Rotation, rotationFor, straightened, SWEEPS, swapRows } from "./jacobi.ts";

/** Cosines of angles below about 16 units in the last place count as 0: rounding of the sums alone makes as much. */
const SMALL = 1 / 32;

/**
 * A = U diag(s) V^H for each matrix of m rows and n columns, m >= n, s descending, with as many columns of U as asked for: n or m. Pairs of
 * columns of A are rotated in the order (0, 1), (0, 2), ..., (1, 2), ..., sweep by sweep, until all are orthogonal; sums over rows ascend. Columns
 * of U that A does not determine are found one by one: the unit vector that is farthest from those before, made orthogonal to them. The first
 * component of each column of U that has more than 0.3 of the greatest one's size is real and positive. Writes U, s and V^H. sizes = [items, m, n, columns of U].
 */
export const svd = overFields({
  name: "svd",
  reads: [{ extent: [1, 2] }],
  writes: [{ extent: [1, 3] }, { extent: [2], type: "real" }, { extent: [2, 2] }],
  // U transposed, which begins as A transposed; a row.
  room: [{ extent: [3, 1] }, { extent: [1] }],
  cost: ([, m, n]) => 20 * m! * n! * n!,
  run: <V>(m: Machine<V>, f: Field<V>) => {
    const [zero, one, rows, columns, wide] = [() => m.int(0), () => m.int(1), () => m.size(1), () => m.size(2), () => m.size(3)];
    const room = 4;
    const [a, output, v, u] = [f.grid(0, columns), f.grid(1, wide), f.grid(3, columns), f.grid(room, rows)];
    const value = (i: Index<V>): V => f.place(2, i());
    const kept = (c: Index<V>): Entry<V> => f.entry(room, () => m.plus(m.times(wide(), rows()), c()));
    const rotation: Rotation<V> = { cosine: m.variable(), sine: m.variable(), tangent: m.variable() };
    const [first, second, size, difference, scale] = [m.variable(), m.variable(), m.variable(), m.variable(), m.variable()];
    const [both, sign] = [f.cell(), f.cell()];
    const [changed, sweeps, best] = [m.counter(), m.counter(), m.counter()];
    const square = (sum: Variable<V>, p: Index<V>): void => {
      sum.set(m.real(0));
      m.each(zero(), rows(), (k) => sum.set(m.add(sum(), f.square(f.load(u(p, k))))));
    };

    // A transposed, with elements of 1 at most, so that no square overflows.
    scale.set(m.real(0));
    m.each(zero(), m.times(rows(), columns()), (i) => {
      size.set(f.size(f.load(f.entry(0, i))));
      m.if(m.lt(scale(), size()), () => scale.set(size()));
    });
    m.if(m.eq(scale(), m.real(0)), () => scale.set(m.real(1)));
    m.each(zero(), columns(), (j) => m.each(zero(), rows(), (i) => f.store(u(j, i), f.over(f.load(a(i, j)), scale))));
    m.each(zero(), columns(), (i) => m.each(zero(), columns(), (j) => f.store(v(i, j), f.number(0))));
    m.each(zero(), columns(), (i) => f.store(v(i, i), f.number(1)));

    const rotate = (p: Index<V>, q: Index<V>): void => {
      first.set(m.real(0));
      second.set(m.real(0));
      both.set(f.number(0));
      m.each(zero(), rows(), (k) => {
        first.set(m.add(first(), f.square(f.load(u(p, k)))));
        second.set(m.add(second(), f.square(f.load(u(q, k)))));
        both.set(f.add(both(), f.mul(f.conj(f.load(u(p, k))), f.load(u(q, k)))));
      });
      difference.set(m.mul(m.sqrt(first()), m.sqrt(second())));
      size.set(f.abs(both()));
      m.if(m.not(m.eq(m.add(difference(), m.mul(size(), m.real(SMALL))), difference())), () => {
        const phase = straightened(m, f, both, size);
        const back = phase && f.conj(phase());
        difference.set(m.sub(second(), first()));
        rotationFor(m, rotation, difference, size);
        rotateRows(m, f, rotation, u, [p, q], rows, kept, back);
        rotateRows(m, f, rotation, v, [p, q], columns, kept, back);
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
      swapRows(m, f, u, [i, best], rows, kept);
      swapRows(m, f, v, [i, best], columns, kept);
    });

    const shorten = (i: Index<V>): void => m.lanes(zero(), rows(), (k) => f.store(u(i, k), f.over(f.load(u(i, k)), first)));
    /** Makes row i orthogonal to the rows before it. */
    const orthogonalize = (i: Index<V>): void =>
      m.each(zero(), i(), (j) => {
        both.set(f.number(0));
        m.each(zero(), rows(), (k) => both.set(f.add(both(), f.mul(f.load(u(i, k)), f.conj(f.load(u(j, k)))))));
        m.lanes(zero(), rows(), (k) => f.store(u(i, k), f.sub(f.load(u(i, k)), f.mul(both(), f.load(u(j, k))))));
      });
    const complete = (i: Index<V>): void => {
      second.set(m.real(2));
      best.set(zero());
      m.each(zero(), rows(), (k) => {
        first.set(m.real(0));
        m.each(zero(), i(), (j) => first.set(m.add(first(), f.square(f.load(u(j, k))))));
        m.if(m.lt(first(), second()), () => {
          second.set(first());
          best.set(k());
        });
      });
      m.each(zero(), rows(), (k) => f.store(u(i, k), f.number(0)));
      f.store(u(i, best), f.number(1));
      orthogonalize(i);
      orthogonalize(i);
      square(first, i);
      first.set(m.sqrt(first()));
      shorten(i);
    };
    m.each(zero(), wide(), (i) => {
      best.set(one());
      m.if(m.less(i(), columns()), () => {
        first.set(m.load(value(i)));
        m.if(m.not(m.eq(first(), m.real(0))), () => {
          best.set(zero());
          shorten(i);
        });
        m.store(value(i), m.mul(first(), scale()));
      });
      m.if(best(), () => complete(i));
      directionOf(m, f, sign, u, i, rows);
      m.each(zero(), rows(), (k) => f.store(output(k, i), f.mul(sign(), f.load(u(i, k)))));
      m.if(m.less(i(), columns()), () => m.lanes(zero(), columns(), (k) => f.store(v(i, k), f.conj(f.mul(sign(), f.load(v(i, k)))))));
    });
  },
});
