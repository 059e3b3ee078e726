/** What Jacobi's methods share: rotations of rows, and which way vectors point. */
import type { Elements, Index, Machine, Variable } from "../routine.ts";

/** More sweeps than any matrix of finite numbers needs; where there is NaN, nothing converges. */
export const SWEEPS = 40;

export interface Rotation<V> {
  readonly cosine: Variable<V>;
  readonly sine: Variable<V>;
  readonly tangent: Variable<V>;
}

/**
 * Sets the rotation that makes the symmetric matrix [[a, c], [c, b]] diagonal, given b - a and c: that with the angle of at most 45 degrees (Golub and
 * Van Loan, Matrix Computations, 8.5.2).
 */
export function rotationFor<V>(m: Machine<V>, { cosine, sine, tangent }: Rotation<V>, difference: Variable<V>, c: Variable<V>): void {
  // (b - a) / 2c is the cotangent of twice the angle.
  tangent.set(m.div(difference(), m.mul(m.real(2), c())));
  cosine.set(m.add(m.abs(tangent()), m.sqrt(m.add(m.mul(tangent(), tangent()), m.real(1)))));
  m.if(
    m.lt(tangent(), m.real(0)),
    () => tangent.set(m.div(m.real(-1), cosine())),
    () => tangent.set(m.div(m.real(1), cosine())),
  );
  cosine.set(m.div(m.real(1), m.sqrt(m.add(m.mul(tangent(), tangent()), m.real(1)))));
  sine.set(m.mul(tangent(), cosine()));
}

/** Rows p and q of x become c p - s q and s p + c q. `kept` is a row of room. */
export function rotateRows<V>(
  m: Machine<V>,
  { cosine, sine }: Rotation<V>,
  x: Elements<V>,
  [p, q]: readonly [Index<V>, Index<V>],
  columns: Index<V>,
  kept: (column: Index<V>) => V,
): void {
  const combined = (c: Index<V>): V => m.sub(m.mul(cosine(), m.load(x(p, c))), m.mul(sine(), m.load(x(q, c))));
  m.lanes(m.int(0), columns(), (c) => m.store(kept(c), combined(c)));
  m.lanes(m.int(0), columns(), (c) => m.store(x(q, c), m.add(m.mul(sine(), m.load(x(p, c))), m.mul(cosine(), m.load(x(q, c))))));
  m.lanes(m.int(0), columns(), (c) => m.store(x(p, c), m.load(kept(c))));
}

export function swapRows<V>(
  m: Machine<V>,
  x: Elements<V>,
  [p, q]: readonly [Index<V>, Index<V>],
  columns: Index<V>,
  kept: (column: Index<V>) => V,
): void {
  m.lanes(m.int(0), columns(), (c) => m.store(kept(c), m.load(x(p, c))));
  m.lanes(m.int(0), columns(), (c) => m.store(x(p, c), m.load(x(q, c))));
  m.lanes(m.int(0), columns(), (c) => m.store(x(q, c), m.load(kept(c))));
}

/** Components of less than this part of the greatest do not decide which way a vector points: a ratio that no simple matrix has. */
const DECISIVE = 0.3;

/** Sets `sign` to 1 or -1: times that, the first decisive component of row i is positive. */
export function directionOf<V>(m: Machine<V>, sign: Variable<V>, x: Elements<V>, i: Index<V>, columns: Index<V>): void {
  const [greatest, size] = [m.variable(), m.variable()];
  greatest.set(m.real(0));
  m.each(m.int(0), columns(), (c) => {
    size.set(m.abs(m.load(x(i, c))));
    m.if(m.lt(greatest(), size()), () => greatest.set(size()));
  });
  greatest.set(m.mul(greatest(), m.real(DECISIVE)));
  sign.set(m.real(1));
  m.down(columns(), m.int(0), (c) => {
    size.set(m.load(x(i, c)));
    m.if(m.lt(greatest(), m.abs(size())), () =>
      m.if(
        m.lt(size(), m.real(0)),
        () => sign.set(m.real(-1)),
        () => sign.set(m.real(1)),
      ),
    );
  });
}
