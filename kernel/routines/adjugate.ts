/** The adjugate of triangular matrices, without a division: singular ones have one too. */
import { type Entry, type Field, overFields } from "../field.ts";
import type { Index, Machine } from "../routine.ts";

/**
 * The adjugate of the upper triangle of each matrix of n rows. Its element in row i and column j >= i is z_i times all elements of the diagonal
 * but those from i to j, where z_j = 1 and z_i is minus the sum over k = i + 1, ..., j of u_ik z_k times the diagonal between i and k: substitution,
 * with the divisors multiplied out. Products and sums ascend. sizes = [items, n].
 */
export const adjugateOfUpper = overFields({
  name: "adjugateOfUpper",
  reads: [{ extent: [1, 1] }],
  writes: [{ extent: [1, 1] }],
  // The products of the diagonal before each place, and after it.
  room: [{ extent: [1] }, { extent: [1] }],
  cost: ([, n]) => n! ** 3 / 3,
  run: <V>(m: Machine<V>, f: Field<V>) => {
    const [zero, one, n] = [() => m.int(0), () => m.int(1), () => m.size(1)];
    const [u, z] = [f.grid(0, n), f.grid(1, n)];
    const before = (i: Index<V>): Entry<V> => f.entry(2, i);
    const after = (i: Index<V>): Entry<V> => f.entry(2, () => m.plus(n(), i()));
    const [running, sum] = [f.cell(), f.cell()];
    running.set(f.number(1));
    m.each(zero(), n(), (i) => {
      f.store(before(i), running());
      running.set(f.mul(running(), f.load(u(i, i))));
    });
    running.set(f.number(1));
    m.down(n(), zero(), (i) => {
      f.store(after(i), running());
      running.set(f.mul(running(), f.load(u(i, i))));
    });
    m.each(zero(), n(), (j) => {
      m.each(zero(), n(), (i) => f.store(z(i, j), f.number(0)));
      f.store(z(j, j), f.number(1));
      m.down(j(), zero(), (i) => {
        running.set(f.number(1));
        sum.set(f.number(0));
        m.each(m.plus(i(), one()), m.plus(j(), one()), (k) => {
          sum.set(f.sub(sum(), f.mul(f.mul(f.load(u(i, k)), running()), f.load(z(k, j)))));
          running.set(f.mul(running(), f.load(u(k, k))));
        });
        f.store(z(i, j), sum());
      });
    });
    m.each(zero(), n(), (j) =>
      m.each(zero(), m.plus(j(), one()), (i) => f.store(z(i, j), f.mul(f.mul(f.load(z(i, j)), f.load(before(i))), f.load(after(j))))),
    );
  },
});
