/** Triangular systems, by substitution (Golub and Van Loan, Matrix Computations, 3.1). */
import { type Elements, type Index, type Machine, matrix, type Routine } from "../routine.ts";

export interface Triangle {
  /** Whether A is upper triangular; else lower. The other triangle is not read. */
  readonly upper: boolean;
  /** Whether the system is that of A transposed. */
  readonly transposed: boolean;
  /** Whether the diagonal of A is taken to be 1, and not read. */
  readonly unit: boolean;
}

/**
 * Solves A X = B, where x holds B and then X: one row after the other from the end where one unknown stands alone; from each the products
 * with the rows before are subtracted in the order in which those were found, then it is divided by the diagonal.
 */
export function substitute<V>(
  m: Machine<V>,
  { upper, transposed, unit }: Triangle,
  stored: Elements<V>,
  x: Elements<V>,
  [n, columns]: readonly [Index<V>, Index<V>],
): void {
  const backward = upper !== transposed;
  const zero = (): V => m.int(0);
  const a: Elements<V> = transposed ? (i, j) => stored(j, i) : stored;
  const factor = m.variable();
  const row = (i: Index<V>): void => {
    const subtract = (k: Index<V>): void => {
      factor.set(m.load(a(i, k)));
      m.lanes(zero(), columns(), (c) => m.store(x(i, c), m.sub(m.load(x(i, c)), m.mul(factor(), m.load(x(k, c))))));
    };
    if (backward) m.down(n(), m.plus(i(), m.int(1)), subtract);
    else m.each(zero(), i(), subtract);
    if (unit) return;
    factor.set(m.load(a(i, i)));
    m.lanes(zero(), columns(), (c) => m.store(x(i, c), m.div(m.load(x(i, c)), factor())));
  };
  if (backward) m.down(n(), zero(), row);
  else m.each(zero(), n(), row);
}

const routineOf = (t: Triangle): Routine => ({
  name: `triangularSolve ${t.upper ? "upper" : "lower"}${t.transposed ? " transposed" : ""}${t.unit ? " unit" : ""}`,
  reads: [{ extent: [1, 1] }, { extent: [1, 2] }],
  writes: [{ extent: [1, 2] }],
  cost: ([, n, columns]) => (n! * n! * columns!) / 2,
  run: (m) => {
    const [n, columns] = [() => m.size(1), () => m.size(2)];
    m.lanes(m.int(0), m.times(n(), columns()), (i) => m.store(m.at(2, i()), m.load(m.at(1, i()))));
    substitute(m, t, matrix(m, 0, n), matrix(m, 2, columns), [n, columns]);
  },
});

/** X with A X = B, as `substitute` finds it, for each A of n rows. sizes = [items, n, columns of B]. */
export const triangularSolve = (t: Triangle): Routine => routines[Number(t.upper) + 2 * Number(t.transposed) + 4 * Number(t.unit)]!;
const routines = Array.from({ length: 8 }, (_, i) => routineOf({ upper: (i & 1) !== 0, transposed: (i & 2) !== 0, unit: (i & 4) !== 0 }));
