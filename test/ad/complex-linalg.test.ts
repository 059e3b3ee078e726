/** Derivative and batching rules of linear algebra of complex matrices. */
import type { Tensor } from "../../core/tensor.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { cholesky } from "../../ops/cholesky.ts";
import { complex } from "../../ops/complex.ts";
import { eye } from "../../ops/creation.ts";
import { det, slogdet } from "../../ops/determinant.ts";
import { lu } from "../../ops/lu.ts";
import { matmul } from "../../ops/matmul.ts";
import { abs } from "../../ops/piecewise.ts";
import { qr } from "../../ops/qr.ts";
import { inv, solve } from "../../ops/solve.ts";
import { triangularSolve } from "../../ops/triangular.ts";
import { h, of, spectral } from "./complex-matrices.ts";
import { drawn, judgeRules } from "./judge-rules.ts";
import { dominant } from "./linalg-cases.ts";

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
