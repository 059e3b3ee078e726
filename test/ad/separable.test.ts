/** Separable terms: the same derivatives by another way, and what that way does not lead through. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grad, valueAndGrad } from "../../ad/grad.ts";
import { hessian, hvp, jacrev } from "../../ad/jacobian.ts";
import { jet } from "../../ad/jet.ts";
import { jvp } from "../../ad/jvp.ts";
import { vmap } from "../../ad/vmap.ts";
import { dependents, topological } from "../../core/graph.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, square } from "../../ops/arithmetic.ts";
import { stack } from "../../ops/concatenate.ts";
import { exp, log, sin, sqrt, tanh } from "../../ops/functions.ts";
import { separable } from "../../ops/identity.ts";
import { matmul } from "../../ops/matmul.ts";
import { mean, sum } from "../../ops/reductions.ts";
import { f64, relativeError, valueOf } from "./values.ts";

type Mark = (t: Tensor) => Tensor;
const plain: Mark = (t) => t;

/** Losses of a vector with several terms: under outer functions, weights, each other, with parts that no term holds. */
const losses: Readonly<Record<string, (x: Tensor, mark: Mark) => Tensor>> = {
  "a sum": (x, m) => add(m(sum(square(x))), m(sum(sin(x)))),
  "sqrt of a sum": (x, m) => sqrt(sum(stack([m(sum(square(x))), m(sum(exp(x))), m(sum(square(sin(x))))]))),
  "log of a mean": (x, m) => log(mean(stack([m(sum(square(x))), m(sum(exp(x)))]))),
  weights: (x, m) => add(mul(m(sum(exp(x))), 0.25), mul(m(sum(square(x))), sum(x))),
  "terms in terms": (x, m) => square(m(add(mul(m(sum(exp(x))), 0.5), sqrt(m(add(sum(square(x)), m(sum(sin(x))).exp())))))),
  "one term twice": (x, m) => {
    const t = m(sum(exp(x)));
    return add(square(t), sin(t));
  },
  "beside what is in no term": (x, m) => mul(m(sum(square(x))), add(sum(exp(x)), 1)),
};

describe("separable terms", () => {
  it.each(Object.keys(losses))("%s: derivatives of all modes and orders are as without", (name) => {
    const of =
      (mark: Mark) =>
      (x: Tensor): Tensor =>
        losses[name]!(x, mark);
    const [f, g] = [of(plain), of(separable)];
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }), (values) => {
        const [x, v] = [f64(values.map((c) => c + 1.5)), f64([1, -2, 0.5])];
        const derivatives: ((f: (x: Tensor) => Tensor) => Tensor)[] = [
          (h) => h(x),
          (h) => grad(h)(x),
          (h) => valueAndGrad(h)(x)[1],
          (h) => jvp(h, [x], [v])[1],
          (h) => hessian(h)(x),
          (h) => hvp(h, [x], [v])[0] as Tensor,
          (h) => jacrev((y: Tensor) => stack([h(y), sum(y)]))(x),
          (h) => jet(h, x, [v, null, null])[1][2]!,
          (h) => vmap(grad(h))(stack([x, v.abs()])),
          (h) => grad((y: Tensor) => sum(vmap(h)(stack([y, mul(y, 2)]))))(x),
        ];
        for (const d of derivatives) expect(relativeError(valueOf(d(g)), valueOf(d(f)))).toBeLessThan(1e-12);
      }),
      { numRuns: 5 },
    );
  });

  /** Nodes of a gradient that depend on a weight. */
  const above = (root: Tensor, leaf: Tensor): number => dependents([root], [leaf]).size;

  it("keep a weight out of their adjoints, and terms that count alike share a pass", () => {
    const layers = Array.from({ length: 10 }, () => placeholder([4, 4], "float64"));
    const term = (): Tensor => sum(square(layers.reduce<Tensor>((a, w) => tanh(matmul(a, w)), placeholder([4, 4], "float64"))));
    const terms = Array.from({ length: 8 }, term);
    const weight = placeholder([], "float64");
    const gradient = (mark: Mark): Tensor => grad(mul(weight, sum(stack(terms.map(mark)))), layers[0]!) as Tensor;
    expect(above(gradient(separable), weight)).toBeLessThan(8);
    expect(above(gradient(plain), weight)).toBeGreaterThan(8 * 10);
    const size = (t: Tensor): number => topological([t]).length;
    expect(size(gradient(separable))).toBeLessThan(size(gradient(plain)) + 20);
  });

  it("are one float number each", () => {
    expect(() => separable(f64([1, 2]))).toThrow(/separable: a term is one float number, got .*\[2\].*Reduce it with sum or mean/);
    expect(() => separable(constant(1, { dtype: "int32" }))).toThrow(/one float number/);
  });
});
