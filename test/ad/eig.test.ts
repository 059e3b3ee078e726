/** Derivative and batching rules of eigenvalues and eigenvectors of matrices of any kind. */
import type { Tensor } from "../../core/tensor.ts";
import { constant } from "../../core/leaves.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { complex, imag, real } from "../../ops/complex.ts";
import { stack } from "../../ops/concatenate.ts";
import { eig, eigvals } from "../../ops/eig.ts";
import { matmul } from "../../ops/matmul.ts";
import { abs } from "../../ops/piecewise.ts";
import { expandDims } from "../../ops/reshape.ts";
import { inv } from "../../ops/solve.ts";
import type { Case } from "../ops/cases.ts";
import { drawn, judgeRules } from "./judge-rules.ts";
import { spread } from "./linalg-cases.ts";

const parts = (y: Tensor): Tensor => stack([real(y), imag(y)]);
const of = (name: string, shape: readonly number[], f: (z: Tensor) => Tensor): Case => ({
  name: `${name} of [${shape.join()}]`,
  f: (re, im) => parts(f(complex(spread(re!), im!))),
  shapes: [shape, shape],
  domain: [-1, 1],
});
/** 1 on the diagonal, and a turn by more than the rest can undo: eigenvalues that are no real numbers. */
const turning = constant([0, 5, -5, 0], { shape: [2, 2], dtype: "float64" });

judgeRules(
  drawn([
    of("eigvals", [3, 3], (a) => eigvals(a) as Tensor),
    of("eigvals", [2, 2, 2], (a) => eigvals(a) as Tensor),
    of("eig, sizes of vectors", [2, 2], (a) => abs(eig(a).v as Tensor)),
    of("eig, a function of the matrix", [2, 2], (a) => {
      const { w, v } = eig(a) as { w: Tensor; v: Tensor };
      return matmul(mul(v, expandDims(mul(w, w), -2)), inv(v) as Tensor);
    }),
    { name: "eigvals of real matrices", f: (a) => parts(eigvals(spread(a!)) as Tensor), shapes: [[3, 3]], domain: [-1, 1] },
    { name: "eigvals of a turn", f: (a) => parts(eigvals(add(a!, turning)) as Tensor), shapes: [[2, 2]], domain: [-1, 1] },
    { name: "eig of real matrices, sizes", f: (a) => abs(eig(add(a!, turning)).v as Tensor), shapes: [[2, 2]], domain: [-1, 1] },
  ]),
);
