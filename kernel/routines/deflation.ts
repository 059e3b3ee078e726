/** How the QR algorithm goes on from eigenvalue to eigenvalue (Golub and Van Loan, Matrix Computations, 7.5), over both fields. */
import type { Field, Grid } from "../field.ts";
import type { Index, Machine, Variable } from "../routine.ts";

/** The rows from `low` to `high`, on which a QR step works, and a count of steps; a step that uses an exceptional shift may reset it. */
export interface Active<V> {
  readonly low: Variable<V>;
  readonly high: Variable<V>;
  readonly turn: Variable<V>;
}

/** Sets `greater` and `lesser` to the two. */
function sorted<V>(m: Machine<V>, a: Variable<V>, b: Variable<V>, greater: Variable<V>, lesser: Variable<V>): void {
  greater.set(a());
  lesser.set(b());
  m.if(m.lt(a(), b()), () => {
    greater.set(b());
    lesser.set(a());
  });
}

/**
 * QR steps on a Hessenberg matrix until the rows that do not fall apart are `smallest` at most: from the last rows upward, as LAPACK. Sets `failed`
 * where that takes too many; does nothing where it is set.
 */
export function deflate<V>(
  m: Machine<V>,
  f: Field<V>,
  h: Grid<V>,
  n: Index<V>,
  ulp: Variable<V>,
  smallest: 1 | 2,
  failed: Variable<V>,
  step: (active: Active<V>) => void,
): void {
  const [zero, one] = [() => m.int(0), () => m.int(1)];
  const after = (k: Index<V>): V => m.plus(k(), one());
  const before = (k: Index<V>): V => m.minus(k(), one());
  const [low, high, turn, k, rounds] = [m.counter(), m.counter(), m.counter(), m.counter(), m.counter()];
  const [searching, found] = [m.counter(), m.counter()];
  const [size, other, total, gapSize] = [m.variable(), m.variable(), m.variable(), m.variable()];
  const gap = f.cell();

  /** Whether what stands left of the diagonal in row k counts as 0 (Ahues and Tisseur, LAPACK Working Note 122). */
  const negligible = (to: Variable<V>): void => {
    const above = (): V => before(k);
    to.set(zero());
    size.set(f.size(f.load(h(k, above))));
    total.set(m.add(f.size(f.load(h(above, above))), f.size(f.load(h(k, k)))));
    m.if(m.eq(total(), m.real(0)), () => {
      m.if(m.less(one(), k()), () => total.set(m.add(total(), f.size(f.load(h(above, () => m.minus(k(), m.int(2))))))));
      m.if(m.less(after(k), n()), () => total.set(m.add(total(), f.size(f.load(h(() => after(k), k))))));
    });
    m.if(m.not(m.lt(m.mul(ulp(), total()), size())), () => {
      other.set(f.size(f.load(h(above, k))));
      // The greater times the lesser, against the same of the diagonal and its gap.
      gap.set(f.sub(f.load(h(above, above)), f.load(h(k, k))));
      total.set(f.size(f.load(h(k, k))));
      gapSize.set(f.size(gap()));
      const [ab, ba, aa, bb] = [m.variable(), m.variable(), m.variable(), m.variable()];
      sorted(m, size, other, ab, ba);
      sorted(m, total, gapSize, aa, bb);
      total.set(m.add(aa(), ab()));
      m.if(
        m.eq(total(), m.real(0)),
        () => to.set(one()),
        () => m.if(m.not(m.lt(m.mul(ulp(), m.mul(bb(), m.div(aa(), total()))), m.mul(ba(), m.div(ab(), total())))), () => to.set(one())),
      );
    });
  };

  high.set(before(n));
  m.if(failed(), () => high.set(m.int(-1)));
  m.while(
    () => m.less(m.int(-1), high()),
    () => {
      low.set(zero());
      rounds.set(zero());
      turn.set(zero());
      searching.set(one());
      m.while(searching, () => {
        k.set(high());
        found.set(zero());
        m.while(
          () => m.and(m.less(low(), k()), m.not(found())),
          () => {
            negligible(found);
            m.if(m.not(found()), () => k.set(before(k)));
          },
        );
        low.set(k());
        m.if(m.less(zero(), low()), () =>
          f.store(
            h(low, () => before(low)),
            f.number(0),
          ),
        );
        m.if(m.not(m.less(m.plus(low(), m.int(smallest - 1)), high())), () => searching.set(zero()));
        m.if(m.and(searching(), m.less(m.times(m.int(30), m.plus(n(), m.int(10))), rounds())), () => {
          searching.set(zero());
          failed.set(one());
          low.set(zero());
        });
        m.if(searching(), () => {
          rounds.set(after(rounds));
          turn.set(after(turn));
          step({ low, high, turn });
        });
      });
      high.set(before(low));
    },
  );
}
