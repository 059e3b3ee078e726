/** Derivative and batching rules of linear algebra of complex matrices. */
import type { Tensor } from "../../core/tensor.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { cholesky } from "../../ops/cholesky.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { stack } from "../../ops/concatenate.ts";
import { eye } from "../../ops/creation.ts";
import { det, slogdet } from "../../ops/determinant.ts";
import { lu } from "../../ops/lu.ts";
import { matmul } from "../../ops/matmul.ts";
import { abs } from "../../ops/piecewise.ts";
import { qr } from "../../ops/qr.ts";
import { inv, solve } from "../../ops/solve.ts";
import { swapaxes } from "../../ops/transpose.ts";
import { triangularSolve } from "../../ops/triangular.ts";
import type { Case } from "../ops/cases.ts";
import { drawn, judgeRules } from "./judge-rules.ts";
import { dominant, spread } from "./linalg-cases.ts";

const h = (a: Tensor): Tensor => conj(swapaxes(a, -1, -2));
const parts = (y: Tensor): Tensor => stack([real(y), imag(y)]);
/** As a real function of the parts of each operand: real parts first, made what the operation needs. */
const of = (
  name: string,
  shapes: readonly (readonly number[])[],
  f: (...z: readonly Tensor[]) => Tensor,
  made: (a: Tensor) => Tensor = (a) => a,
): Case => ({
  name: `${name} of ${shapes.map((s) => `[${s.join()}]`).join(" and ")}`,
  f: (...xs) => parts(f(...shapes.map((_, i) => complex(i === 0 ? made(xs[0]!) : xs[2 * i]!, xs[2 * i + 1]!)))),
  shapes: shapes.flatMap((s) => [s, s]),
  domain: [-1, 1],
});
const spectral = (name: string, shapes: readonly (readonly number[])[], f: (z: Tensor) => Tensor): Case[] =>
  shapes.map((s) => of(name, [s], f, spread));
const definite = (a: Tensor): Tensor => add(matmul(a, h(a)), mul(eye(a.shape.at(-1)!, a.shape.at(-1)!, 0, { dtype: "float64" }), 2));

judgeRules(
  drawn([
    of("cholesky", [[2, 2]], (a) => cholesky(definite(a))),
    of(
      "solve",
      [
        [2, 2],
        [2, 1],
      ],
      (a, b) => solve(a!, b!),
      dominant,
    ),
    of("triangularSolve", [[2, 2], [2]], (a, b) => triangularSolve(a!, b!, { lower: false, transposed: true }), dominant),
    of(
      "triangularSolve from the right",
      [
        [2, 2],
        [1, 2],
      ],
      (a, b) => triangularSolve(a!, b!, { right: true, unitDiagonal: true }),
      dominant,
    ),
    of("lu", [[3, 2]], (a) => lu(a).packed, dominant),
    of("inv", [[2, 2, 2]], (a) => inv(a), dominant),
    of("det", [[3, 3]], (a) => det(a), dominant),
    of("slogdet, sign", [[2, 2]], (a) => slogdet(a).sign as Tensor, dominant),
    of("slogdet, logabsdet", [[2, 2]], (a) => complex(slogdet(a).logabsdet as Tensor), dominant),
    ...spectral(
      "qr, Q",
      [
        [2, 2],
        [3, 2],
      ],
      (a) => qr(a).q,
    ),
    ...spectral("qr, R", [[2, 3]], (a) => qr(a).r),
    ...spectral("complete qr, sizes of Q", [[3, 2]], (a) => abs(qr(a, { mode: "complete" }).q)),
  ]),
);
