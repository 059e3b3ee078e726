/** How operands of A X = B meet: vectors, stacks of matrices, one matrix for many right-hand sides. */
import { type Dim, mulDims, sameDim } from "../core/dim.ts";
import { broadcastShapes, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { broadcastLast } from "./broadcast.ts";
import { swapLast } from "./linalg.ts";
import { reshape } from "./reshape.ts";
import { moveaxis } from "./transpose.ts";

/** Solves with stacks: A [items, n, n] and B [items, n, k] give X [items, n, k]. */
export type SolveStacks = (a: Tensor, b: Tensor) => Tensor;

/**
 * X for A [..., n, n] and B [..., n, k], or a vector [n]. With `right`, B is [..., k, n] and X A = B (`solve` then solves with A transposed).
 */
export function systems(op: string, a: Tensor, b: Tensor, right: boolean, solve: SolveStacks): Tensor {
  if (b.rank === 0) throw new Error(`${op}: the right-hand side must be a vector, a matrix or a stack of them, got ${b.describe()}`);
  const n = a.shape.at(-1)!;
  const vector = b.rank === 1;
  const columns = vector ? reshape(b, [...b.shape, 1]) : right ? swapLast(b) : b;
  if (!sameDim(columns.shape.at(-2)!, n))
    throw new Error(
      `${op}: ${a.describe()} has ${n} ${right ? "rows" : "columns"}, but the right-hand side ${b.describe()} has ${columns.shape.at(-2)} ${right && !vector ? "columns" : "rows"}`,
    );
  const x = solveColumns(op, a, columns, solve);
  return vector ? reshape(x, x.shape.slice(0, -1)) : right ? swapLast(x) : x;
}

function solveColumns(op: string, a: Tensor, b: Tensor, solve: SolveStacks): Tensor {
  const [n, k] = b.shape.slice(-2) as [Dim, Dim];
  const leading = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!leading) throw new Error(`${op}: the leading axes of ${a.describe()} and ${b.describe()} do not broadcast`);
  if (a.rank === 2) {
    // One matrix: all right-hand sides are columns of one system.
    const rows = moveaxis(b, -2, 0);
    const x = solve(reshape(a, [1, n, n]), reshape(rows, [1, n, mulDims(sizeOf(leading), k)]));
    return moveaxis(reshape(x, [n, ...leading, k]), 0, -2);
  }
  const items = sizeOf(leading);
  const x = solve(
    reshape(broadcastLast(a, [...leading, n, n]), [items, n, n]),
    reshape(broadcastLast(b, [...leading, n, k]), [items, n, k]),
  );
  return reshape(x, [...leading, n, k]);
}
