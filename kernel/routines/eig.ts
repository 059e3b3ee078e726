/**
 * Eigenvalues and eigenvectors of complex matrices: a unitary similarity to Hessenberg form (Golub and Van Loan, Matrix Computations, 7.4), the
 * QR algorithm with Wilkinson's shifts to triangular form (7.5; with the tests and the exceptional shifts of LAPACK's zlahqr, whose order of eigenvalues
 * it so has), and back substitution (7.6).
 */
import { type Cell, type Entry, type Field, type Grid, overFields } from "../field.ts";
import type { Index, Machine, Variable } from "../routine.ts";
import { reflection, type Reflection, toHessenberg } from "./hessenberg.ts";
import { directionOf } from "./jacobi.ts";

/** Sets `root` to the square root of x with a real part that is not negative. */
function squareRoot<V>(m: Machine<V>, f: Field<V>, root: Cell<V>, x: Cell<V>): void {
  const [size, half] = [m.variable(), m.variable()];
  const [re, im] = x() as readonly [Index<V>, Index<V>];
  size.set(f.abs(x()));
  half.set(m.sqrt(m.mul(m.real(0.5), m.add(size(), m.abs(re())))));
  m.if(
    m.eq(half(), m.real(0)),
    () => root.set(f.number(0)),
    () =>
      m.if(
        m.lt(re(), m.real(0)),
        () => {
          size.set(m.div(m.abs(im()), m.mul(m.real(2), half())));
          m.if(m.lt(im(), m.real(0)), () => half.set(m.neg(half())));
          root.set([size, half]);
        },
        () => root.set([half, () => m.div(im(), m.mul(m.real(2), half()))]),
      ),
  );
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
 * A V = V diag(w) for each complex matrix A of n rows, as the real and the imaginary parts. Each column of V has length 1, and its first component that
 * has more than 0.3 of the greatest one's size is real and positive. NaN where something is not finite, or the algorithm does not converge. sizes = [items, n].
 */
export const eig = overFields({
  name: "eig",
  reads: [{ extent: [1, 1] }],
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
    const before = (k: Index<V>): V => m.minus(k(), one());
    const [greatest, size, other, total, squares, ulp] = Array.from({ length: 6 }, () => m.variable()) as unknown as Six<Variable<V>>;
    const [first, sum, shift, root, gap, v] = Array.from({ length: 6 }, () => f.cell()) as unknown as Six<Cell<V>>;
    const scale = m.variable();
    const mirror: Reflection<V> = { t: f.cell(), length: m.variable() };

    const [high, low, k, start, rounds, turn] = Array.from({ length: 6 }, () => m.counter()) as unknown as Six<Variable<V>>;
    const [going, searching, found, failed] = [m.counter(), m.counter(), m.counter(), m.counter()];

    // Scaled where squares would overflow, or vanish.
    failed.set(zero());
    greatest.set(m.real(0));
    m.each(zero(), square(), (i) => {
      size.set(f.size(f.load(f.entry(0, i))));
      m.if(m.lt(greatest(), size()), () => greatest.set(size()));
      m.if(m.not(m.lt(size(), m.real(Infinity))), () => failed.set(one()));
    });
    scale.set(m.real(1));
    size.set(m.mul(greatest(), greatest()));
    m.if(m.not(m.and(m.lt(size(), m.real(Infinity)), m.lt(m.real(0), size()))), () => {
      m.if(m.not(m.eq(greatest(), m.real(0))), () => scale.set(greatest()));
      greatest.set(m.real(1));
    });
    m.lanes(zero(), square(), (i) => f.store(f.entry(room, i), f.over(f.load(f.entry(0, i)), scale)));
    m.each(zero(), n(), (i) => m.each(zero(), n(), (j) => f.store(q(i, j), f.number(0))));
    m.each(zero(), n(), (i) => f.store(q(i, i), f.number(1)));
    ulp.set(m.real(1));
    m.while(
      () => m.not(m.eq(m.add(m.real(1), m.mul(ulp(), m.real(0.5))), m.real(1))),
      () => ulp.set(m.mul(ulp(), m.real(0.5))),
    );

    toHessenberg(m, f, h, q, x, n);

    // ---- QR steps on the rows from `low` to `high`, which move up as eigenvalues are found
    const aboveHigh = (): V => before(high);
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
        squares.set(f.size(gap()));
        const [ab, ba, aa, bb] = [m.variable(), m.variable(), m.variable(), m.variable()];
        sorted(m, size, other, ab, ba);
        sorted(m, total, squares, aa, bb);
        total.set(m.add(aa(), ab()));
        m.if(
          m.eq(total(), m.real(0)),
          () => to.set(one()),
          () => m.if(m.not(m.lt(m.mul(ulp(), m.mul(bb(), m.div(aa(), total()))), m.mul(ba(), m.div(ab(), total())))), () => to.set(one())),
        );
      });
    };
    const chooseShift = (): void => {
      const exceptional = (row: Index<V>, left: Entry<V>): void => {
        size.set(m.mul(m.real(0.75), f.size(f.load(left))));
        shift.set(f.add(f.load(h(row, row)), f.real(size)));
      };
      m.if(
        m.same(turn(), m.int(20)),
        () => {
          turn.set(zero());
          exceptional(high, h(high, aboveHigh));
        },
        () =>
          m.if(
            m.same(turn(), m.int(10)),
            () =>
              exceptional(
                low,
                h(() => after(low), low),
              ),
            () => {
              // Of the last two rows the eigenvalue that is nearer to the last element.
              shift.set(f.load(h(high, high)));
              sum.set(f.mul(f.load(h(aboveHigh, high)), f.load(h(high, aboveHigh))));
              m.if(m.not(f.isZero(sum())), () => {
                gap.set(f.times(f.sub(f.load(h(aboveHigh, aboveHigh)), shift()), () => m.real(0.5)));
                first.set(f.add(f.mul(gap(), gap()), sum()));
                squareRoot(m, f, root, first);
                size.set(m.add(m.mul(gap()[0]!(), root()[0]!()), m.mul(gap()[1]!(), root()[1]!())));
                m.if(m.lt(size(), m.real(0)), () => root.set(f.neg(root())));
                first.set(f.add(gap(), root()));
                shift.set(f.sub(shift(), f.divisor(first())(sum())));
              });
            },
          ),
      );
    };
    const step = (): void => {
      chooseShift();
      // From the row on where two neighbours are so small that what is above does not notice.
      start.set(before(high));
      going.set(one());
      m.while(going, () => {
        const below = (): V => after(start);
        first.set(f.sub(f.load(h(start, start)), shift()));
        v.set(f.load(h(below, start)));
        size.set(m.add(f.size(first()), f.size(v())));
        first.set(f.over(first(), size));
        v.set(f.over(v(), size));
        m.if(
          m.same(start(), low()),
          () => going.set(zero()),
          () => {
            size.set(m.mul(f.size(first()), m.add(f.size(f.load(h(start, start))), f.size(f.load(h(below, below))))));
            other.set(m.mul(f.size(f.load(h(start, () => before(start)))), f.size(v())));
            m.if(
              m.lt(m.mul(ulp(), size()), other()),
              () => start.set(before(start)),
              () => going.set(zero()),
            );
          },
        );
      });
      m.each(start(), high(), (row) => {
        const below = (): V => after(row);
        const left = (): V => before(row);
        const inner = (): V => m.less(start(), row());
        m.if(inner(), () => {
          first.set(f.load(h(row, left)));
          v.set(f.load(h(below, left)));
        });
        squares.set(f.square(v()));
        reflection(m, f, mirror, first, squares, (divided) => {
          v.set(divided(v()));
          m.if(
            inner(),
            () => {
              f.store(h(row, left), f.real(mirror.length));
              f.store(h(below, left), f.number(0));
            },
            // What is so small that the first rows were left out turns with them.
            () =>
              m.if(m.less(low(), row()), () => f.store(h(row, left), f.mul(f.load(h(row, left)), f.sub(f.number(1), f.conj(mirror.t()))))),
          );
          m.each(row(), n(), (c) => {
            sum.set(f.mul(f.conj(mirror.t()), f.add(f.load(h(row, c)), f.mul(f.conj(v()), f.load(h(below, c))))));
            f.store(h(row, c), f.sub(f.load(h(row, c)), sum()));
            f.store(h(below, c), f.sub(f.load(h(below, c)), f.mul(sum(), v())));
          });
          const fromRight = (grid: Grid<V>, rows: Index<V>): void =>
            m.each(zero(), rows(), (r) => {
              sum.set(f.mul(mirror.t(), f.add(f.load(grid(r, row)), f.mul(v(), f.load(grid(r, below))))));
              f.store(grid(r, row), f.sub(f.load(grid(r, row)), sum()));
              f.store(grid(r, below), f.sub(f.load(grid(r, below)), f.mul(sum(), f.conj(v()))));
            });
          k.set(after(row, 3));
          m.if(m.less(after(high), k()), () => k.set(after(high)));
          fromRight(h, k);
          fromRight(q, n);
        });
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
        going.set(one());
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
          m.if(m.not(m.less(low(), high())), () => searching.set(zero()));
          m.if(m.and(searching(), m.less(m.times(m.int(30), m.plus(n(), m.int(10))), rounds())), () => {
            searching.set(zero());
            failed.set(one());
            low.set(zero());
          });
          m.if(searching(), () => {
            rounds.set(after(rounds));
            turn.set(after(turn));
            step();
          });
        });
        high.set(before(low));
      },
    );
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
});
type Six<T> = readonly [T, T, T, T, T, T];
