/** A Burgers PINN loss and its parameter gradient, by nestings of transforms and by Taylor mode, against a plain float64 loop. */
import { describe, expect, it } from "vitest";
import { derivatives } from "../../ad/derivatives.ts";
import { grad, valueAndGrad } from "../../ad/grad.ts";
import { hvp } from "../../ad/jacobian.ts";
import { jvp } from "../../ad/jvp.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant } from "../../core/leaves.ts";
import type { DType } from "../../core/dtype.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, square, sub } from "../../ops/arithmetic.ts";
import { stack } from "../../ops/concatenate.ts";
import { matmul } from "../../ops/matmul.ts";
import { tanh } from "../../ops/functions.ts";
import { mean, sum } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { onesLike } from "../../ops/creation.ts";
import { burgersLoss, type Layer, randomNetwork } from "./burgers-loop.ts";
import { relativeError, valuesOf } from "./values.ts";

type Params = readonly { readonly w: Tensor; readonly b: Tensor }[];
const NU = 0.01 / Math.PI;

/** u at all points: t and x are vectors. */
function network(params: Params, t: Tensor, x: Tensor): Tensor {
  let a: Tensor = stack([t, x], -1);
  params.forEach(({ w, b }, k) => {
    a = add(matmul(a, w), b);
    if (k < params.length - 1) a = tanh(a);
  });
  return reshape(a, a.shape.slice(0, -1));
}

const residualLoss = (u: Tensor, ut: Tensor, ux: Tensor, uxx: Tensor): Tensor => mean(square(sub(add(ut, mul(u, ux)), mul(NU, uxx))));

/** The loss as a function of parameters and points, five ways to the same derivatives of u. */
const ways: Record<string, (params: Params, t: Tensor, x: Tensor) => Tensor> = {
  "nested jvp": (params, t, x) => {
    const ux = (at: Tensor): Tensor => jvp((y: Tensor) => network(params, t, y), [at], [onesLike(at)])[1];
    const [, ut] = jvp((s: Tensor) => network(params, s, x), [t], [onesLike(t)]);
    const [dx, dxx] = jvp(ux, [x], [onesLike(x)]);
    return residualLoss(network(params, t, x), ut, dx, dxx);
  },
  "grad of grad": (params, t, x) => {
    const total = (s: Tensor, y: Tensor): Tensor => sum(network(params, s, y));
    const ux = grad(total, { argnums: 1 });
    const uxx = grad((s: Tensor, y: Tensor) => sum(ux(s, y)), { argnums: 1 });
    return residualLoss(network(params, t, x), grad(total)(t, x), ux(t, x), uxx(t, x));
  },
  hvp: (params, t, x) => {
    const total = (s: Tensor, y: Tensor): Tensor => sum(network(params, s, y));
    const [ut, ux] = grad(total, { argnums: [0, 1] })(t, x);
    const [uxx] = hvp((y: Tensor) => total(t, y), [x], [onesLike(x)]);
    return residualLoss(network(params, t, x), ut, ux, uxx as Tensor);
  },
  "Taylor mode": (params, t, x) => {
    const { u, u_t, u_x, u_xx } = derivatives((s: Tensor, y: Tensor) => network(params, s, y), { t: 1, x: 2 })(t, x);
    return residualLoss(u, u_t, u_x, u_xx);
  },
  "vmap of grad of grad": (params, t, x) => {
    const u = (s: Tensor, y: Tensor): Tensor => network(params, s, y);
    const ux = grad(u, { argnums: 1 });
    const all = (s: Tensor, y: Tensor): Tensor[] => [u(s, y), grad(u)(s, y), ux(s, y), grad(ux, { argnums: 1 })(s, y)];
    const [v, ut, dx, dxx] = vmap(all)(t, x);
    return residualLoss(v!, ut!, dx!, dxx!);
  },
};

describe("a Burgers PINN loss and its parameter gradient", () => {
  let seed = 7;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const layers = randomNetwork([2, 20, 20, 20, 20, 1], random);
  const points = Float64Array.from({ length: 128 }, (_, i) => (i % 2 === 0 ? random() : 2 * random() - 1));
  const column = (c: number): Float64Array => points.filter((_, i) => i % 2 === c);

  for (const [dtype, tolerance] of [
    ["float64", 1e-10],
    ["float32", 1e-5],
  ] as [DType, number][])
    for (const [name, loss] of Object.entries(ways))
      it(`by ${name} in ${dtype} agrees with a plain loop to ${tolerance}`, () => {
        const expected = burgersLoss(layers, points, NU);
        const params = layers.map((l: Layer) => ({
          w: constant(l.w, { shape: [l.inputs, l.outputs], dtype }),
          b: constant(l.b, { shape: [l.outputs], dtype }),
        }));
        const [t, x] = [0, 1].map((c) => constant(column(c), { shape: [64], dtype })) as [Tensor, Tensor];
        const [value, gradient] = valueAndGrad(loss)(params, t, x);
        const [got, ...gradients] = valuesOf(value, ...(gradient as Params).flatMap(({ w, b }) => [w, b]));
        expect(Math.abs(got![0]! / expected.loss - 1)).toBeLessThan(tolerance);
        expect(
          relativeError(
            gradients.flat(),
            expected.gradient.flatMap((g) => [...g]),
          ),
        ).toBeLessThan(tolerance);
      });

  it("derivatives by x to order 6 agree with nested grad to 1e-10, and so do their gradients by parameters", () => {
    const params = layers.map((l: Layer) => ({
      w: constant(l.w, { shape: [l.inputs, l.outputs], dtype: "float64" }),
      b: constant(l.b, { shape: [l.outputs], dtype: "float64" }),
    }));
    const [t, x] = [0, 1].map((c) => constant(column(c).slice(0, 2), { dtype: "float64" })) as [Tensor, Tensor];
    const nested: Tensor[] = [];
    let g = (p: Params, y: Tensor): Tensor => network(p, t, y);
    for (let k = 0; k < 6; k++) {
      const h = g;
      g = (p, y) => grad((z: Tensor) => sum(h(p, z)))(y);
      nested.push(g(params, x));
    }
    const { u, ...others } = derivatives((y: Tensor) => network(params, t, y), { x: 6 })(x);
    const jets = Object.values(others);
    expect(jets).toHaveLength(6);
    valuesOf(...jets).forEach((d, k) => expect(relativeError(d, valuesOf(nested[k]!)[0]!)).toBeLessThan(1e-10));
    const third = (of: (p: Params) => Tensor): number[] =>
      valuesOf(...(grad((p: Params) => sum(square(of(p))))(params) as Params).flatMap(({ w, b }) => [w, b])).flat();
    const byJet = third((p) => derivatives((y: Tensor) => network(p, t, y), { x: 3 })(x).u_xxx);
    const byGrad = third((p) => {
      const first = (y: Tensor): Tensor => grad((z: Tensor) => sum(network(p, t, z)))(y);
      const second = (y: Tensor): Tensor => grad((z: Tensor) => sum(first(z)))(y);
      return grad((z: Tensor) => sum(second(z)))(x);
    });
    expect(relativeError(byJet, byGrad)).toBeLessThan(1e-10);
    expect(u.shape).toEqual([2]);
  });

  it("the plain loop's own gradient agrees with finite differences", () => {
    const { gradient } = burgersLoss(layers, points, NU);
    for (const [layer, at] of [
      [0, 3],
      [2, 57],
      [4, 11],
    ] as const) {
      const bump = (h: number): number =>
        burgersLoss(
          layers.map((l, k) => (k === layer ? { ...l, w: l.w.map((v, i) => (i === at ? v + h : v)) } : l)),
          points,
          NU,
        ).loss;
      const numeric = (8 * (bump(1e-4) - bump(-1e-4)) - (bump(2e-4) - bump(-2e-4))) / 12e-4;
      expect(Math.abs(gradient[2 * layer]![at]! - numeric)).toBeLessThan(1e-8 * Math.max(1, Math.abs(numeric)));
    }
  });
});
