/** What Jacobi's methods share: rotations of rows, and which way vectors point. */
import type { Cell, Entry, Field, Grid, Num } from "../field.ts";
import type { Index, Machine, Variable } from "../routine.ts";

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

/**
 * What lies beside the diagonal of [[a, c], [conj c, b]] as a real number, c or its absolute value, and by which phase c is more than that: none over the
 * real numbers.
 */
export function straightened<V>(m: Machine<V>, f: Field<V>, beside: Cell<V>, size: Variable<V>): Cell<V> | undefined {
  if (!f.complex) {
    size.set(beside()[0]!());
    return undefined;
  }
  const phase = f.cell();
  size.set(f.abs(beside()));
  m.if(
    m.eq(size(), m.real(0)),
    () => phase.set(f.number(1)),
    () => phase.set(f.over(beside(), size)),
  );
  return phase;
}

/** Rows p and q of x become c p - s q and s p + c q, where q is multiplied by the phase first. `kept` is a row of room. */
export function rotateRows<V>(
  m: Machine<V>,
  f: Field<V>,
  { cosine, sine }: Rotation<V>,
  x: Grid<V>,
  [p, q]: readonly [Index<V>, Index<V>],
  columns: Index<V>,
  kept: (column: Index<V>) => Entry<V>,
  phase?: Num<V>,
): void {
  if (phase) m.lanes(m.int(0), columns(), (c) => f.store(x(q, c), f.mul(phase, f.load(x(q, c)))));
  const combined = (c: Index<V>): Num<V> => f.sub(f.times(f.load(x(p, c)), cosine), f.times(f.load(x(q, c)), sine));
  m.lanes(m.int(0), columns(), (c) => f.store(kept(c), combined(c)));
  m.lanes(m.int(0), columns(), (c) => f.store(x(q, c), f.add(f.times(f.load(x(p, c)), sine), f.times(f.load(x(q, c)), cosine))));
  m.lanes(m.int(0), columns(), (c) => f.store(x(p, c), f.load(kept(c))));
}

export function swapRows<V>(
  m: Machine<V>,
  f: Field<V>,
  x: Grid<V>,
  [p, q]: readonly [Index<V>, Index<V>],
  columns: Index<V>,
  kept: (column: Index<V>) => Entry<V>,
): void {
  m.lanes(m.int(0), columns(), (c) => f.store(kept(c), f.load(x(p, c))));
  m.lanes(m.int(0), columns(), (c) => f.store(x(p, c), f.load(x(q, c))));
  m.lanes(m.int(0), columns(), (c) => f.store(x(q, c), f.load(kept(c))));
}

/** Components of less than this part of the greatest do not decide which way a vector points: a ratio that no simple matrix has. */
const DECISIVE = 0.3;

/** Sets `sign` to a number of size 1: times that, the first decisive component of row i is real and positive. */
export function directionOf<V>(m: Machine<V>, f: Field<V>, sign: Cell<V>, x: Grid<V>, i: Index<V>, columns: Index<V>): void {
  const [greatest, size] = [m.variable(), m.variable()];
  greatest.set(m.real(0));
  m.each(m.int(0), columns(), (c) => {
    size.set(f.magnitude(f.load(x(i, c))));
    m.if(m.lt(greatest(), size()), () => greatest.set(size()));
  });
  greatest.set(m.mul(greatest(), m.real(DECISIVE)));
  sign.set(f.number(1));
  m.down(columns(), m.int(0), (c) => {
    size.set(f.magnitude(f.load(x(i, c))));
    m.if(m.lt(greatest(), size()), () => sign.set(f.over(f.conj(f.load(x(i, c))), size)));
  });
}
