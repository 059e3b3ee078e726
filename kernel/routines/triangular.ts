/** Triangular systems, by substitution (Golub and Van Loan, Matrix Computations, 3.1). */
import { type Field, type Grid, overFields, type Routines } from "../field.ts";
import type { Index, Machine } from "../routine.ts";

export interface Triangle {
  /** Whether A is upper triangular; else lower. The other triangle is not read. */
  readonly upper: boolean;
  /** Whether the system is that of the adjoint of A: transposed, and conjugate where it is complex. */
  readonly adjoint: boolean;
  /** Whether the diagonal of A is taken to be 1, and not read. */
  readonly unit: boolean;
}

/**
 * Solves A X = B, where x holds B and then X: one row after the other from the end where one unknown stands alone; from each the products
 * with the rows before are subtracted in the order in which those were found, then it is divided by the diagonal.
 */
export function substitute<V>(
  m: Machine<V>,
  f: Field<V>,
  { upper, adjoint, unit }: Triangle,
  stored: Grid<V>,
  x: Grid<V>,
  [n, columns]: readonly [Index<V>, Index<V>],
): void {
  const backward = upper !== adjoint;
  const zero = (): V => m.int(0);
  const a = (i: Index<V>, j: Index<V>) => (adjoint ? f.conj(f.load(stored(j, i))) : f.load(stored(i, j)));
  const factor = f.cell();
  const row = (i: Index<V>): void => {
    const subtract = (k: Index<V>): void => {
      factor.set(a(i, k));
      m.lanes(zero(), columns(), (c) => f.store(x(i, c), f.sub(f.load(x(i, c)), f.mul(factor(), f.load(x(k, c))))));
    };
    if (backward) m.down(n(), m.plus(i(), m.int(1)), subtract);
    else m.each(zero(), i(), subtract);
    if (unit) return;
    factor.set(a(i, i));
    const divided = f.divisor(factor());
    m.lanes(zero(), columns(), (c) => f.store(x(i, c), divided(f.load(x(i, c)))));
  };
  if (backward) m.down(n(), zero(), row);
  else m.each(zero(), n(), row);
}

const routineOf = (t: Triangle): Routines =>
  overFields({
    name: `triangularSolve ${t.upper ? "upper" : "lower"}${t.adjoint ? " adjoint" : ""}${t.unit ? " unit" : ""}`,
    reads: [{ extent: [1, 1] }, { extent: [1, 2] }],
    writes: [{ extent: [1, 2] }],
    cost: ([, n, columns]) => (n! * n! * columns!) / 2,
    run: (m, f) => {
      const [n, columns] = [() => m.size(1), () => m.size(2)];
      m.lanes(m.int(0), m.times(n(), columns()), (i) => f.store(f.entry(2, i), f.load(f.entry(1, i))));
      substitute(m, f, t, f.grid(0, n), f.grid(2, columns), [n, columns]);
    },
  });

/** X with A X = B, as `substitute` finds it, for each A of n rows. sizes = [items, n, columns of B]. */
export const triangularSolve = (t: Triangle): Routines => routines[Number(t.upper) + 2 * Number(t.adjoint) + 4 * Number(t.unit)]!;
const routines = Array.from({ length: 8 }, (_, i) => routineOf({ upper: (i & 1) !== 0, adjoint: (i & 2) !== 0, unit: (i & 4) !== 0 }));
