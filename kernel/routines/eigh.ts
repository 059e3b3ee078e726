/** Eigenvalues and eigenvectors of symmetric and Hermitian matrices by Jacobi's method (Golub and Van Loan, Matrix Computations, 8.5). */
import { type Entry, type Field, overFields } from "../field.ts";
import type { Index, Machine } from "../routine.ts";
import { directionOf, rotateRows, type Rotation, rotationFor, straightened, SWEEPS, swapRows } from "./jacobi.ts";

/**
 * A = V diag(w) V^H for each Hermitian matrix, w ascending. Pairs of rows are rotated in the order (0, 1), (0, 2), ..., (1, 2), ..., sweep by sweep, until
 * all elements beside the diagonal are too small to change it. The first component of each column of V that has more than 0.3 of the
 * greatest one's size is real and positive. sizes = [items, n].
 */
export const eigh = overFields({
  name: "eigh",
  reads: [{ extent: [1, 1] }],
  writes: [{ extent: [1], type: "real" }, { extent: [1, 1] }],
  // The matrix as it is rotated, V transposed, a row.
  room: [{ extent: [1, 1] }, { extent: [1, 1] }, { extent: [1] }],
  cost: ([, n]) => 15 * n! ** 3,
  run: <V>(m: Machine<V>, f: Field<V>) => {
    const [zero, n] = [() => m.int(0), () => m.size(1)];
    const room = 3;
    const square = (): V => m.times(n(), n());
    const a = f.grid(room, n);
    const [v, output] = [f.grid(room, n, square), f.grid(2, n)];
    const kept = (c: Index<V>): Entry<V> => f.entry(room, () => m.plus(m.times(m.int(2), square()), c()));
    const found = (i: Index<V>): V => f.place(1, i());
    const rotation: Rotation<V> = { cosine: m.variable(), sine: m.variable(), tangent: m.variable() };
    const [first, second, size, value] = [m.variable(), m.variable(), m.variable(), m.variable()];
    const [beside, sign] = [f.cell(), f.cell()];
    const [changed, sweeps, best] = [m.counter(), m.counter(), m.counter()];

    m.lanes(zero(), square(), (i) => f.store(f.entry(room, i), f.load(f.entry(0, i))));
    m.each(zero(), n(), (i) => m.each(zero(), n(), (j) => f.store(v(i, j), f.number(0))));
    m.each(zero(), n(), (i) => f.store(v(i, i), f.number(1)));

    /** Whether an element beside the diagonal is too small to change it. */
    const negligible = (diagonal: typeof first): V => m.eq(m.add(m.abs(diagonal()), m.abs(size())), m.abs(diagonal()));
    const rotate = (p: Index<V>, q: Index<V>): void => {
      const phase = straightened(m, f, beside, size);
      value.set(m.sub(second(), first()));
      rotationFor(m, rotation, value, size);
      rotateRows(m, f, rotation, a, [p, q], n, kept, phase?.());
      rotateRows(m, f, rotation, v, [p, q], n, kept, phase && f.conj(phase()));
      for (const i of [p, q]) m.each(zero(), n(), (k) => f.store(a(k, i), f.conj(f.load(a(i, k)))));
      value.set(m.mul(rotation.tangent(), size()));
      f.store(
        a(p, p),
        f.real(() => m.sub(first(), value())),
      );
      f.store(
        a(q, q),
        f.real(() => m.add(second(), value())),
      );
      changed.set(m.int(1));
    };
    changed.set(m.int(1));
    sweeps.set(zero());
    m.while(
      () => m.and(changed(), m.less(sweeps(), m.int(SWEEPS))),
      () => {
        changed.set(zero());
        sweeps.set(m.plus(sweeps(), m.int(1)));
        m.each(zero(), n(), (p) =>
          m.each(m.plus(p(), m.int(1)), n(), (q) => {
            first.set(f.load(a(p, p))[0]!());
            second.set(f.load(a(q, q))[0]!());
            beside.set(f.load(a(p, q)));
            size.set(f.abs(beside()));
            m.if(m.not(m.and(negligible(first), negligible(second))), () => rotate(p, q));
            f.store(a(p, q), f.number(0));
            f.store(a(q, p), f.number(0));
          }),
        );
      },
    );

    m.each(zero(), n(), (i) => m.store(found(i), f.load(a(i, i))[0]!()));
    m.each(zero(), n(), (i) => {
      best.set(i());
      m.each(m.plus(i(), m.int(1)), n(), (j) => m.if(m.lt(m.load(found(j)), m.load(found(best))), () => best.set(j())));
      value.set(m.load(found(i)));
      m.store(found(i), m.load(found(best)));
      m.store(found(best), value());
      swapRows(m, f, v, [i, best], n, kept);
      directionOf(m, f, sign, v, i, n);
      m.each(zero(), n(), (k) => f.store(output(k, i), f.mul(sign(), f.load(v(i, k)))));
    });
  },
});
