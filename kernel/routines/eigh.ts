/** Eigenvalues and eigenvectors of symmetric matrices by Jacobi's method (Golub and Van Loan, Matrix Computations, 8.5). */
import { type Index, type Machine, matrix, type Routine } from "../routine.ts";
import { directionOf, rotateRows, type Rotation, rotationFor, SWEEPS, swapRows } from "./jacobi.ts";

/**
 * A = V diag(w) V^T for each symmetric matrix, w ascending. Pairs of rows are rotated in the order (0, 1), (0, 2), ..., (1, 2), ..., sweep by sweep, until
 * all elements beside the diagonal are too small to change it. The first component of each column of V that has more than 0.3 of the
 * greatest one's size is positive. sizes = [items, n].
 */
export const eigh: Routine = {
  name: "eigh",
  reads: [{ extent: [1, 1] }],
  writes: [{ extent: [1] }, { extent: [1, 1] }],
  // The matrix as it is rotated, V transposed, a row.
  room: [{ extent: [1, 1] }, { extent: [1, 1] }, { extent: [1] }],
  cost: ([, n]) => 15 * n! ** 3,
  run: <V>(m: Machine<V>) => {
    const [zero, n] = [() => m.int(0), () => m.size(1)];
    const room = 3;
    const square = (): V => m.times(n(), n());
    const a = matrix(m, room, n);
    const [v, output] = [matrix(m, room, n, square), matrix(m, 2, n)];
    const kept = (c: Index<V>): V => m.at(room, m.plus(m.times(m.int(2), square()), c()));
    const rotation: Rotation<V> = { cosine: m.variable(), sine: m.variable(), tangent: m.variable() };
    const [first, second, beside, value] = [m.variable(), m.variable(), m.variable(), m.variable()];
    const [changed, sweeps, best] = [m.counter(), m.counter(), m.counter()];

    m.lanes(zero(), square(), (i) => m.store(m.at(room, i()), m.load(m.at(0, i()))));
    m.each(zero(), n(), (i) => m.each(zero(), n(), (j) => m.store(v(i, j), m.real(0))));
    m.each(zero(), n(), (i) => m.store(v(i, i), m.real(1)));

    /** Whether an element beside the diagonal is too small to change it. */
    const negligible = (diagonal: typeof first): V => m.eq(m.add(m.abs(diagonal()), m.abs(beside())), m.abs(diagonal()));
    const rotate = (p: Index<V>, q: Index<V>): void => {
      value.set(m.sub(second(), first()));
      rotationFor(m, rotation, value, beside);
      rotateRows(m, rotation, a, [p, q], n, kept);
      rotateRows(m, rotation, v, [p, q], n, kept);
      for (const i of [p, q]) m.each(zero(), n(), (k) => m.store(a(k, i), m.load(a(i, k))));
      value.set(m.mul(rotation.tangent(), beside()));
      m.store(a(p, p), m.sub(first(), value()));
      m.store(a(q, q), m.add(second(), value()));
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
            first.set(m.load(a(p, p)));
            second.set(m.load(a(q, q)));
            beside.set(m.load(a(p, q)));
            m.if(m.not(m.and(negligible(first), negligible(second))), () => rotate(p, q));
            m.store(a(p, q), m.real(0));
            m.store(a(q, p), m.real(0));
          }),
        );
      },
    );

    m.each(zero(), n(), (i) => m.store(m.at(1, i()), m.load(a(i, i))));
    m.each(zero(), n(), (i) => {
      best.set(i());
      m.each(m.plus(i(), m.int(1)), n(), (j) => m.if(m.lt(m.load(m.at(1, j())), m.load(m.at(1, best()))), () => best.set(j())));
      value.set(m.load(m.at(1, i())));
      m.store(m.at(1, i()), m.load(m.at(1, best())));
      m.store(m.at(1, best()), value());
      swapRows(m, v, [i, best], n, kept);
      directionOf(m, value, v, i, n);
      m.each(zero(), n(), (k) => m.store(output(k, i), m.mul(value(), m.load(v(i, k)))));
    });
  },
};
