/** Triangular systems, by substitution (Golub and Van Loan, Matrix Computations, 3.1). */
import { type Index, type Machine, matrix, type Routine } from "../routine.ts";

export interface Triangle {
  /** Whether A is upper triangular; else lower. The other triangle is not read. */
  readonly upper: boolean;
  /** Whether the system is that of A transposed. */
  readonly transposed: boolean;
  /** Whether the diagonal of A is taken to be 1, and not read. */
  readonly unit: boolean;
}

/**
 * X with A X = B, one row after the other from the end where one unknown stands alone; from each the products with the rows
 * before are subtracted in the order in which those were found, then it is divided by the diagonal. sizes = [items, n, columns of B].
 */
const routineOf = ({ upper, transposed, unit }: Triangle): Routine => {
  const backward = upper !== transposed;
  return {
    name: `triangularSolve ${upper ? "upper" : "lower"}${transposed ? " transposed" : ""}${unit ? " unit" : ""}`,
    reads: [{ extent: [1, 1] }, { extent: [1, 2] }],
    writes: [{ extent: [1, 2] }],
    cost: ([, n, columns]) => (n! * n! * columns!) / 2,
    run: <V>(m: Machine<V>) => {
      const [zero, n, columns] = [() => m.int(0), () => m.size(1), () => m.size(2)];
      const [stored, b, x] = [matrix(m, 0, n), matrix(m, 1, columns), matrix(m, 2, columns)];
      const a: typeof stored = transposed ? (i, j) => stored(j, i) : stored;
      const factor = m.variable();
      const row = (i: Index<V>): void => {
        m.lanes(zero(), columns(), (c) => m.store(x(i, c), m.load(b(i, c))));
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
    },
  };
};

const routines = new Map<string, Routine>();
/** The routine for one kind of triangle. */
export function triangularSolve(t: Triangle): Routine {
  const routine = routineOf(t);
  const known = routines.get(routine.name);
  if (!known) routines.set(routine.name, routine);
  return known ?? routine;
}
