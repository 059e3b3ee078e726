/** Derivative and batching rules of spectral decompositions of complex matrices, and of what stands on them. */
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { mul } from "../../ops/arithmetic.ts";
import { eigh } from "../../ops/eigh.ts";
import { matmul } from "../../ops/matmul.ts";
import { expm, matrixPower } from "../../ops/matrix-functions.ts";
import { matrixNorm } from "../../ops/matrix-norm.ts";
import { abs } from "../../ops/piecewise.ts";
import { lstsq, pinv } from "../../ops/pseudoinverse.ts";
import { svd } from "../../ops/svd.ts";
import { h, of, spectral } from "./complex-matrices.ts";
import { drawn, judgeRules } from "./judge-rules.ts";
import { dominant, spread } from "./linalg-cases.ts";

judgeRules(
  drawn([
    ...spectral("eigh, values", [[2, 2]], (a) => eigh(a).w),
    ...spectral("eigh, sizes of vectors", [[3, 3]], (a) => abs(eigh(a).v as Tensor)),
    ...spectral("eigh, projections", [[2, 2]], (a) => {
      const v = eigh(a).v as Tensor;
      return matmul(mul(v, constant([1, 2], { dtype: "float64" })), h(v));
    }),
    ...spectral("svd, values", [[2, 3]], (a) => svd(a).s),
    ...spectral("svd, sizes of U", [[3, 2]], (a) => abs(svd(a).u)),
    ...spectral("svd, U V^H", [[2, 2]], (a) => matmul(svd(a).u, svd(a).vt)),
    ...spectral("pinv", [[3, 2]], (a) => pinv(a)),
    of("lstsq", [[3, 2], [3]], (a, b) => lstsq(a!, b!).x, spread),
    of(
      "lstsq, residuals",
      [
        [3, 2],
        [3, 1],
      ],
      (a, b) => lstsq(a!, b!).residuals,
      spread,
    ),
    of("matrixPower", [[2, 2]], (a) => matrixPower(a, -2), dominant),
    of("expm", [[2, 2]], (a) => expm(a, { maxSquarings: 3 })),
    ...(["fro", "nuc", 1] as const).map((ord) => of(`matrixNorm ${ord}`, [[3, 2]], (a) => matrixNorm(a, { ord }), spread)),
  ]),
);
