/** A table of nestings: every transform around every other, with closures over outer arguments, against closed forms. */
import { describe, expect, it } from "vitest";
import { customJvp, customVjp, straightThrough } from "../../ad/custom.ts";
import { derivatives } from "../../ad/derivatives.ts";
import { grad, valueAndGrad } from "../../ad/grad.ts";
import { hessian, hvp, jacfwd, jacrev } from "../../ad/jacobian.ts";
import { jet } from "../../ad/jet.ts";
import { jvp, linearize } from "../../ad/jvp.ts";
import { laplacian } from "../../ad/laplacian.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { mul, square } from "../../ops/arithmetic.ts";
import { exp } from "../../ops/functions.ts";
import { separable } from "../../ops/identity.ts";
import { reshape } from "../../ops/reshape.ts";
import { itemOf } from "./values.ts";

type Scalar = (x: Tensor) => Tensor;
const f64 = (v: number): Tensor => constant(v, { dtype: "float64" });
/** x as a vector of one element, and back. */
const vector = (x: Tensor): Tensor => reshape(x, [1]);
const item = (x: Tensor): Tensor => reshape(x, []);

interface Derivative {
  readonly order: number;
  readonly of: (f: Scalar) => Scalar;
}
const transforms: Record<string, Derivative> = {
  grad: { order: 1, of: (f) => grad(f) },
  valueAndGrad: { order: 1, of: (f) => (x) => valueAndGrad(f)(x)[1] },
  jvp: { order: 1, of: (f) => (x) => jvp(f, [x], [1])[1] },
  vjp: { order: 1, of: (f) => (x) => vjp(f, [x])[1](1)[0] },
  linearize: { order: 1, of: (f) => (x) => linearize(f, [x])[1]([1]) },
  jacfwd: { order: 1, of: (f) => (x) => item(jacfwd((v: Tensor) => f(item(v)))(vector(x))) },
  jacrev: { order: 1, of: (f) => (x) => item(jacrev((v: Tensor) => f(item(v)))(vector(x))) },
  hessian: { order: 2, of: (f) => (x) => item(hessian((v: Tensor) => f(item(v)))(vector(x))) },
  hvp: { order: 2, of: (f) => (x) => hvp(f, [x], [1])[0] as Tensor },
  jet: { order: 3, of: (f) => (x) => jet(f, x, [1, null, null])[1][2]! },
  derivatives: { order: 2, of: (f) => (x) => item(derivatives((v: Tensor) => vector(f(item(v))), { v: 2 })(vector(x)).u_vv) },
  laplacian: { order: 2, of: (f) => (x) => laplacian((v: Tensor) => f(item(v)), vector(x)) },
  "vmap of grad": { order: 1, of: (f) => (x) => item(vmap(grad(f))(vector(x))) },
  "grad of vmap": { order: 1, of: (f) => (x) => item(grad((v: Tensor) => item(vmap(f)(v)))(vector(x))) },
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
};

/** x e^(2x), and its n-th derivative. */
const f: Scalar = (x) => mul(x, exp(mul(x, 2)));
const known = (n: number, x: number): number => (2 ** n * x + (n === 0 ? 0 : n * 2 ** (n - 1))) * Math.exp(2 * x);
const close = (got: number, expected: number): void => expect(Math.abs(got / expected - 1)).toBeLessThan(1e-12);

describe("every transform inside every other", () => {
  const all = Object.entries(transforms);
  it.each(all)("%s of ...", (_, outer) => {
    for (const [name, inner] of all) {
      const got = itemOf(outer.of(inner.of(f))(f64(0.3)));
      expect(Math.abs(got / known(outer.order + inner.order, 0.3) - 1), `... ${name}`).toBeLessThan(1e-12);
    }
  });
});

describe("closures over the arguments of the outer one keep their perturbations apart", () => {
  // g(x) = x D^n_y [x^2 y e^(2y)] at y = x is x^3 f^(n)(x).
  const differentiable = Object.entries(transforms).filter(([, t]) => t.order > 0);
  const outers = ["grad", "jvp", "jet", "jacfwd", "jacrev", "derivatives", "laplacian", "hvp"].map(
    (name) => [name, transforms[name]!] as const,
  );
  it.each(outers)("%s of x times ... of x^2 y e^(2y)", (_, outer) => {
    for (const [name, inner] of differentiable) {
      const g: Scalar = (x) => mul(x, inner.of((y) => mul(square(x), f(y)))(x));
      const x = 0.4;
      // D^m (x^3 h) for h = f^(n), by Leibniz.
      const cubes = [x ** 3, 3 * x * x, 6 * x, 6];
      const binomials = [[1], [1, 1], [1, 2, 1], [1, 3, 3, 1]][outer.order]!;
      const expected = binomials.reduce((sum, c, k) => sum + c * cubes[k]! * known(inner.order + outer.order - k, x), 0);
      expect(Math.abs(itemOf(outer.of(g)(f64(x))) / expected - 1), `... ${name}`).toBeLessThan(1e-12);
    }
  });
  it("three levels deep", () => {
    const d = transforms;
    const g: Scalar = (x) => mul(x, d.jet!.of((y) => mul(y, d.grad!.of((z) => mul(mul(x, y), f(z)))(y)))(x));
    // The inner is x y f'(y); times y and three derivatives by y: x D^3 (y^2 f'(y)); times x.
    const inner = (x: number): number => x * (x * x * known(4, x) + 6 * x * known(3, x) + 6 * known(2, x));
    close(itemOf(g(f64(0.5))), 0.5 * inner(0.5));
  });
});
