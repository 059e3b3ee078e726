/**
 * Francis' QR steps with two shifts at once, which make a real Hessenberg matrix triangular but for blocks of two rows: with the tests and the
 * exceptional shifts of LAPACK's dlahqr.
 */
import type { Entry, Field, Grid } from "../field.ts";
import type { Index, Machine, Variable } from "../routine.ts";
import { type Active, deflate } from "./deflation.ts";
import { reflection, type Reflection } from "./hessenberg.ts";

/** H and Q, of real numbers, become U^T H U, with blocks of one or two rows on the diagonal and zeros below them, and Q U. */
export function toQuasiTriangular<V>(
  m: Machine<V>,
  f: Field<V>,
  h: Grid<V>,
  q: Grid<V>,
  n: Index<V>,
  ulp: Variable<V>,
  failed: Variable<V>,
): void {
  const after = (k: Index<V>, by = 1): V => m.plus(k(), m.int(by));
  const before = (k: Index<V>, by = 1): V => m.minus(k(), m.int(by));
  const at = (row: Index<V>, column: Index<V>): V => m.load(h(row, column)[0]!());
  const [a, b, c, d, re, im] = Array.from({ length: 6 }, () => m.variable()) as unknown as Six<Variable<V>>;
  const [size, half, root, near, below, other] = Array.from({ length: 6 }, () => m.variable()) as unknown as Six<Variable<V>>;
  const [second, squares] = [m.variable(), m.variable()];
  const [start, going, end] = [m.counter(), m.counter(), m.counter()];
  const [first, v, w, sum] = [f.cell(), f.cell(), f.cell(), f.cell()];
  const mirror: Reflection<V> = { t: f.cell(), length: m.variable() };

  /** Sets the shifts: re + i im and its conjugate, or re twice. */
  const chooseShifts = ({ low, high, turn }: Active<V>): void => {
    const above = (): V => before(high);
    const exceptional = (one: Index<V>, two: Index<V>, corner: Index<V>): void => {
      size.set(m.add(m.abs(one()), m.abs(two())));
      a.set(m.add(m.mul(m.real(0.75), size()), corner()));
      b.set(m.mul(m.real(-0.4375), size()));
      c.set(size());
      d.set(a());
    };
    m.if(
      m.same(turn(), m.int(20)),
      () => {
        turn.set(m.int(0));
        exceptional(
          () => at(high, above),
          () => at(above, () => before(high, 2)),
          () => at(high, high),
        );
      },
      () =>
        m.if(
          m.same(turn(), m.int(10)),
          () =>
            exceptional(
              () => at(() => after(low), low),
              () =>
                at(
                  () => after(low, 2),
                  () => after(low),
                ),
              () => at(low, low),
            ),
          () => {
            a.set(at(above, above));
            b.set(at(above, high));
            c.set(at(high, above));
            d.set(at(high, high));
          },
        ),
    );
    size.set(m.add(m.add(m.abs(a()), m.abs(b())), m.add(m.abs(c()), m.abs(d()))));
    re.set(m.real(0));
    im.set(m.real(0));
    m.if(m.not(m.eq(size(), m.real(0))), () => {
      for (const x of [a, b, c, d]) x.set(m.div(x(), size()));
      half.set(m.mul(m.real(0.5), m.add(a(), d())));
      root.set(m.sub(m.mul(m.sub(a(), half()), m.sub(d(), half())), m.mul(b(), c())));
      m.if(
        m.lt(root(), m.real(0)),
        () => {
          // Real: that which is nearer to the last element, twice.
          root.set(m.sqrt(m.abs(root())));
          near.set(m.add(half(), root()));
          other.set(m.sub(half(), root()));
          m.if(m.lt(m.abs(m.sub(other(), d())), m.abs(m.sub(near(), d()))), () => near.set(other()));
          re.set(m.mul(near(), size()));
        },
        () => {
          re.set(m.mul(half(), size()));
          im.set(m.mul(m.sqrt(root()), size()));
        },
      );
    });
  };

  /** Sets the first row of the step, and first, v and w to what the step begins with: the first column of the product of both shifted matrices. */
  const begin = ({ low, high }: Active<V>): void => {
    start.set(before(high, 2));
    going.set(m.int(1));
    const [one, two] = [(): V => after(start), (): V => after(start, 2)];
    m.while(going, () => {
      near.set(m.sub(at(start, start), re()));
      size.set(m.add(m.add(m.abs(near()), m.abs(im())), m.abs(at(one, start))));
      below.set(m.div(at(one, start), size()));
      a.set(m.add(m.mul(below(), at(start, one)), m.add(m.mul(near(), m.div(near(), size())), m.mul(im(), m.div(im(), size())))));
      b.set(m.mul(below(), m.sub(m.sub(m.add(at(start, start), at(one, one)), re()), re())));
      c.set(m.mul(below(), at(two, one)));
      size.set(m.add(m.abs(a()), m.add(m.abs(b()), m.abs(c()))));
      for (const x of [a, b, c]) x.set(m.div(x(), size()));
      m.if(
        m.same(start(), low()),
        () => going.set(m.int(0)),
        () => {
          const left = (): V => before(start);
          other.set(m.mul(m.abs(at(start, left)), m.add(m.abs(b()), m.abs(c()))));
          second.set(m.add(m.abs(at(left, left)), m.add(m.abs(at(start, start)), m.abs(at(one, one)))));
          m.if(
            m.lt(m.mul(m.mul(ulp(), m.abs(a())), second()), other()),
            () => start.set(before(start)),
            () => going.set(m.int(0)),
          );
        },
      );
    });
    first.set([a]);
    v.set([b]);
    w.set([c]);
  };

  /** The reflection of two or three numbers, by v and w. */
  const reflect = (x: Entry<V>, y: Entry<V>, z: Entry<V> | undefined): void => {
    sum.set(f.add(f.load(x), f.mul(v(), f.load(y))));
    if (z) sum.set(f.add(sum(), f.mul(w(), f.load(z))));
    sum.set(f.mul(sum(), mirror.t()));
    f.store(x, f.sub(f.load(x), sum()));
    f.store(y, f.sub(f.load(y), f.mul(sum(), v())));
    if (z) f.store(z, f.sub(f.load(z), f.mul(sum(), w())));
  };

  deflate(m, f, h, n, ulp, 2, failed, (active) => {
    const { low, high } = active;
    chooseShifts(active);
    begin(active);
    m.each(start(), high(), (row) => {
      const [one, two, left] = [(): V => after(row), (): V => after(row, 2), (): V => before(row)];
      const three = (): V => m.less(one(), high());
      m.if(m.less(start(), row()), () => {
        first.set(f.load(h(row, left)));
        v.set(f.load(h(one, left)));
        m.if(
          three(),
          () => w.set(f.load(h(two, left))),
          () => w.set(f.number(0)),
        );
      });
      squares.set(m.add(f.square(v()), f.square(w())));
      reflection(m, f, mirror, first, squares, (divided) => {
        v.set(divided(v()));
        w.set(divided(w()));
        m.if(
          m.less(start(), row()),
          () => {
            f.store(h(row, left), f.real(mirror.length));
            f.store(h(one, left), f.number(0));
            m.if(three(), () => f.store(h(two, left), f.number(0)));
          },
          () => m.if(m.less(low(), row()), () => f.store(h(row, left), f.mul(f.load(h(row, left)), f.sub(f.number(1), mirror.t())))),
        );
        end.set(after(row, 4));
        m.if(m.less(after(high), end()), () => end.set(after(high)));
        const all = (third: boolean): void => {
          m.each(row(), n(), (k) => reflect(h(row, k), h(one, k), third ? h(two, k) : undefined));
          m.each(m.int(0), end(), (k) => reflect(h(k, row), h(k, one), third ? h(k, two) : undefined));
          m.each(m.int(0), n(), (k) => reflect(q(k, row), q(k, one), third ? q(k, two) : undefined));
        };
        m.if(
          three(),
          () => all(true),
          () => all(false),
        );
      });
    });
  });
}

/** H and Q as toQuasiTriangular leaves them, as complex matrices, become triangular, eigenvalue by eigenvalue; of two that are conjugate that above the real line is first. */
export function splitBlocks<V>(m: Machine<V>, f: Field<V>, h: Grid<V>, q: Grid<V>, n: Index<V>): void {
  const [a, b, c, d, p, size] = Array.from({ length: 6 }, () => m.variable()) as unknown as Six<Variable<V>>;
  const [gap, one, two, u, x, y] = [f.cell(), f.cell(), f.cell(), f.cell(), f.cell(), f.cell()];
  const real = (i: Index<V>, j: Index<V>): V => f.load(h(i, j))[0]!();
  /** x and y become x u + y c and y conj(u) - x c. */
  const turn = (first: Entry<V>, second: Entry<V>, by: () => ReturnType<typeof u>): void => {
    x.set(f.load(first));
    y.set(f.load(second));
    f.store(first, f.add(f.mul(x(), by()), f.times(y(), c)));
    f.store(second, f.sub(f.mul(y(), f.conj(by())), f.times(x(), c)));
  };
  m.each(m.int(0), m.minus(n(), m.int(1)), (k) => {
    const next = (): V => m.plus(k(), m.int(1));
    c.set(real(next, k));
    m.if(m.not(m.eq(c(), m.real(0))), () => {
      a.set(real(k, k));
      b.set(real(k, next));
      d.set(real(next, next));
      p.set(m.mul(m.real(0.5), m.sub(a(), d())));
      size.set(m.abs(p()));
      for (const z of [b, c]) m.if(m.lt(size(), m.abs(z())), () => size.set(m.abs(z())));
      // The discriminant, over the size.
      a.set(m.add(m.mul(m.div(p(), size()), p()), m.mul(m.div(b(), size()), c())));
      m.if(
        m.lt(a(), m.real(0)),
        () => {
          a.set(m.mul(m.sqrt(size()), m.sqrt(m.neg(a()))));
          gap.set([p, a]);
          one.set(f.add(f.real(d), gap()));
          two.set(f.conj(one()));
        },
        () => {
          a.set(m.mul(m.sqrt(size()), m.sqrt(a())));
          m.if(m.lt(p(), m.real(0)), () => a.set(m.neg(a())));
          p.set(m.add(p(), a()));
          gap.set(f.real(p));
          one.set(f.add(f.real(d), gap()));
          two.set(f.real(d));
          m.if(m.not(m.eq(p(), m.real(0))), () => two.set(f.real(() => m.sub(d(), m.mul(m.div(b(), p()), c())))));
        },
      );
      // The eigenvector of the first is (gap, c).
      size.set(m.sqrt(m.add(f.square(gap()), m.mul(c(), c()))));
      u.set(f.over(gap(), size));
      c.set(m.div(c(), size()));
      m.each(m.int(0), m.plus(k(), m.int(2)), (r) => turn(h(r, k), h(r, next), () => u()));
      m.each(m.int(0), n(), (r) => turn(q(r, k), q(r, next), () => u()));
      m.each(k(), n(), (r) => turn(h(k, r), h(next, r), () => f.conj(u())));
      f.store(h(k, k), one());
      f.store(h(next, next), two());
      f.store(h(next, k), f.number(0));
    });
  });
}

type Six<T> = readonly [T, T, T, T, T, T];
