/** Transforms of functions of one number, to nest in each other: each with the order of the derivative that it gives, and a function whose derivatives are known. */
import { associativeScan } from "../../ad/control/associative.ts";
import { cond, switchCase } from "../../ad/control/branches.ts";
import { fold, fori, scan, whileLoop } from "../../ad/control/loops.ts";
import { customJvp, customVjp, straightThrough } from "../../ad/custom.ts";
import { derivatives } from "../../ad/derivatives.ts";
import { grad, valueAndGrad } from "../../ad/grad.ts";
import { hessian, hvp, jacfwd, jacrev } from "../../ad/jacobian.ts";
import { jet } from "../../ad/jet.ts";
import { jvp, linearize } from "../../ad/jvp.ts";
import { laplacian } from "../../ad/laplacian.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { equal, greater, less } from "../../ops/compare.ts";
import { stack } from "../../ops/concatenate.ts";
import { convert } from "../../ops/convert.ts";
import { exp } from "../../ops/functions.ts";
import { separable } from "../../ops/identity.ts";
import { take } from "../../ops/indexing.ts";
import { reshape } from "../../ops/reshape.ts";
import { f64 } from "./values.ts";

export type Scalar = (x: Tensor) => Tensor;
/** x as a vector of one element, and back. */
const vector = (x: Tensor): Tensor => reshape(x, [1]);
const item = (x: Tensor): Tensor => reshape(x, []);
type Pair = [Tensor, Tensor];

export interface Derivative {
  readonly order: number;
  /** Whether it goes backwards. */
  readonly reverse?: true;
  /** Whether it only goes forwards. */
  readonly forward?: true;
  readonly of: (f: Scalar) => Scalar;
}
const positive = (x: Tensor): Tensor => greater(x, 0);
/** f inside of loops and branches: as what a step does to its carry or its slice, or over what it closes over. */
export const loops: Record<string, Derivative> = {
  scan: { order: 0, of: (f) => (x) => item(scan((c: Tensor, y: Tensor) => [mul(c, y), f(y)] as const, x, vector(x))[1]) },
  "scan in reverse": {
    order: 0,
    of: (f) => (x) => fold((c: Tensor, k: Tensor) => add(c, sub(mul(f(x), k), mul(c, 0))), f64(0), f64([0.25, 0.75]), { reverse: true }),
  },
  fori: {
    order: 0,
    of: (f) => (x) =>
      fori(
        0,
        2,
        (i, c: Tensor) =>
          cond(
            equal(i, 0),
            (y: Tensor) => f(y),
            (y: Tensor) => y,
            c,
          ),
        x,
      ),
  },
  cond: { order: 0, of: (f) => (x) => cond(positive(x), f, (y: Tensor) => square(y), x) },
  switchCase: { order: 0, of: (f) => (x) => switchCase(convert(positive(x), "int32"), [() => exp(x), () => f(x)]) },
  while: {
    order: 0,
    forward: true,
    of: (f) => (x) =>
      whileLoop(
        ([i]: Pair) => less(i, 1),
        ([i, c]: Pair) => [add(i, 1), f(c)] as const,
        [0, x] as unknown as Pair,
      )[1],
  },
  "while of at most 3 steps": {
    order: 0,
    of: (f) => (x) =>
      whileLoop(
        ([i]: Pair) => less(i, 1),
        ([i, c]: Pair) => [add(i, 1), f(c)] as const,
        [0, x] as unknown as Pair,
        { maxSteps: 3 },
      )[1],
  },
  associativeScan: { order: 0, of: (f) => (x) => take(associativeScan(mul as (a: Tensor, b: Tensor) => Tensor, stack([f(x), f64(1)])), 1) },
};

export const transforms: Record<string, Derivative> = {
  grad: { reverse: true, order: 1, of: (f) => grad(f) },
  valueAndGrad: { reverse: true, order: 1, of: (f) => (x) => valueAndGrad(f)(x)[1] },
  jvp: { order: 1, of: (f) => (x) => jvp(f, [x], [1])[1] },
  vjp: { reverse: true, order: 1, of: (f) => (x) => vjp(f, [x])[1](1)[0] },
  linearize: { order: 1, of: (f) => (x) => linearize(f, [x])[1]([1]) },
  jacfwd: { order: 1, of: (f) => (x) => item(jacfwd((v: Tensor) => f(item(v)))(vector(x))) },
  jacrev: { reverse: true, order: 1, of: (f) => (x) => item(jacrev((v: Tensor) => f(item(v)))(vector(x))) },
  hessian: { reverse: true, order: 2, of: (f) => (x) => item(hessian((v: Tensor) => f(item(v)))(vector(x))) },
  hvp: { reverse: true, order: 2, of: (f) => (x) => hvp(f, [x], [1])[0] as Tensor },
  jet: { order: 3, of: (f) => (x) => jet(f, x, [1, null, null])[1][2]! },
  derivatives: { order: 2, of: (f) => (x) => item(derivatives((v: Tensor) => vector(f(item(v))), { v: 2 })(vector(x)).u_vv) },
  laplacian: { order: 2, of: (f) => (x) => laplacian((v: Tensor) => f(item(v)), vector(x)) },
  "vmap of grad": { reverse: true, order: 1, of: (f) => (x) => item(vmap(grad(f))(vector(x))) },
  "grad of vmap": { reverse: true, order: 1, of: (f) => (x) => item(grad((v: Tensor) => item(vmap(f)(v)))(vector(x))) },
  // Derivatives of order 0: what is between the others must let them pass.
  vmap: { order: 0, of: (f) => (x) => item(vmap(f)(vector(x))) },
  separable: { order: 0, of: (f) => (x) => separable(f(x)) },
  customJvp: {
    order: 0,
    of: (f) => customJvp<[Tensor], Tensor>(f, ([x], [dx]) => jvp(f, [x], [dx])[1]),
  },
  customVjp: {
    order: 0,
    of: (f) =>
      customVjp<[Tensor], Tensor, Tensor>(
        f,
        (x) => [f(x), x],
        (x, ct) => [mul(ct, grad(f)(x))],
      ),
  },
  straightThrough: { order: 0, of: (f) => straightThrough<[Tensor], Tensor>((x) => f(mul(x, 1)), f) },
  ...loops,
};

/** x e^(2x), and its n-th derivative. */
export const f: Scalar = (x) => mul(x, exp(mul(x, 2)));
export const known = (n: number, x: number): number => (2 ** n * x + (n === 0 ? 0 : n * 2 ** (n - 1))) * Math.exp(2 * x);
