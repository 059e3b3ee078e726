/** QR steps with Wilkinson's shift, which make a complex Hessenberg matrix triangular: with the tests and the exceptional shifts of LAPACK's zlahqr. */
import type { Cell, Entry, Field, Grid } from "../field.ts";
import type { Index, Machine, Variable } from "../routine.ts";
import { type Active, deflate } from "./deflation.ts";
import { reflection, type Reflection } from "./hessenberg.ts";

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

/** H and Q become U^H H U, triangular, and Q U. */
export function toTriangular<V>(
  m: Machine<V>,
  f: Field<V>,
  h: Grid<V>,
  q: Grid<V>,
  n: Index<V>,
  ulp: Variable<V>,
  failed: Variable<V>,
): void {
  const [zero, one] = [() => m.int(0), () => m.int(1)];
  const after = (k: Index<V>, by = 1): V => m.plus(k(), m.int(by));
  const before = (k: Index<V>): V => m.minus(k(), one());
  const [k, start, going] = [m.counter(), m.counter(), m.counter()];
  const [size, other, squares] = [m.variable(), m.variable(), m.variable()];
  const [first, sum, shift, root, gap, v] = [f.cell(), f.cell(), f.cell(), f.cell(), f.cell(), f.cell()];
  const mirror: Reflection<V> = { t: f.cell(), length: m.variable() };

  const chooseShift = ({ low, high, turn }: Active<V>): void => {
    const aboveHigh = (): V => before(high);
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
  deflate(m, f, h, n, ulp, 1, failed, (active) => {
    const { low, high } = active;
    chooseShift(active);
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
  });
}
