/** The adjugate of triangular matrices, without a division: singular ones have one too. */
import { type Index, type Machine, matrix, type Routine } from "../routine.ts";

/**
 * The adjugate of the upper triangle of each matrix of n rows. Its element in row i and column j >= i is z_i times all elements of the diagonal
 * but those from i to j, where z_j = 1 and z_i is minus the sum over k = i + 1, ..., j of u_ik z_k times the diagonal between i and k: substitution,
 * with the divisors multiplied out. Products and sums ascend. sizes = [items, n].
 */
export const adjugateOfUpper: Routine = {
  name: "adjugateOfUpper",
  reads: [{ extent: [1, 1] }],
  writes: [{ extent: [1, 1] }],
  // The products of the diagonal before each place, and after it.
  room: [{ extent: [1] }, { extent: [1] }],
  cost: ([, n]) => n! ** 3 / 3,
  run: <V>(m: Machine<V>) => {
    const [zero, one, n] = [() => m.int(0), () => m.int(1), () => m.size(1)];
    const [u, z] = [matrix(m, 0, n), matrix(m, 1, n)];
    const before = (i: Index<V>): V => m.at(2, i());
    const after = (i: Index<V>): V => m.at(2, m.plus(n(), i()));
    const [running, sum] = [m.variable(), m.variable()];
    running.set(m.real(1));
    m.each(zero(), n(), (i) => {
      m.store(before(i), running());
      running.set(m.mul(running(), m.load(u(i, i))));
    });
    running.set(m.real(1));
    m.down(n(), zero(), (i) => {
      m.store(after(i), running());
      running.set(m.mul(running(), m.load(u(i, i))));
    });
    m.each(zero(), n(), (j) => {
      m.each(zero(), n(), (i) => m.store(z(i, j), m.real(0)));
      m.store(z(j, j), m.real(1));
      m.down(j(), zero(), (i) => {
        running.set(m.real(1));
        sum.set(m.real(0));
        m.each(m.plus(i(), one()), m.plus(j(), one()), (k) => {
          sum.set(m.sub(sum(), m.mul(m.mul(m.load(u(i, k)), running()), m.load(z(k, j)))));
          running.set(m.mul(running(), m.load(u(k, k))));
        });
        m.store(z(i, j), sum());
      });
    });
    m.each(zero(), n(), (j) =>
      m.each(zero(), m.plus(j(), one()), (i) => m.store(z(i, j), m.mul(m.mul(m.load(z(i, j)), m.load(before(i))), m.load(after(j))))),
    );
  },
};
