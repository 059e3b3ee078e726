/**
 * Derivatives by complex numbers: the convention, closed forms, every transform, analytic functions and others. Cotangents pair with tangents as
 * Re(conj(ct) dz), and a real loss has the gradient dL/dx + i dL/dy.
 */
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { customJvp, customVjp, straightThrough } from "../../ad/custom.ts";
import { definePrimitive } from "../../ad/define.ts";
import { derivatives } from "../../ad/derivatives.ts";
import { grad, valueAndGrad } from "../../ad/grad.ts";
import { hessian, hvp, jacfwd, jacrev } from "../../ad/jacobian.ts";
import { jet } from "../../ad/jet.ts";
import { jvp, linearize } from "../../ad/jvp.ts";
import { laplacian } from "../../ad/laplacian.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { cond } from "../../ad/control/branches.ts";
import { fori, scan, whileLoop } from "../../ad/control/loops.ts";
import type { Complex } from "../../core/data.ts";
import { topological } from "../../core/graph.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, neg, reciprocal, square, sub } from "../../ops/arithmetic.ts";
import { greater, less } from "../../ops/compare.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { stack } from "../../ops/concatenate.ts";
import { cos, exp, log, sin, sqrt, tanh } from "../../ops/functions.ts";
import { probe, stopGradient } from "../../ops/identity.ts";
import { matmul } from "../../ops/matmul.ts";
import { abs, sign } from "../../ops/piecewise.ts";
import { angle } from "../../ops/polar.ts";
import { pow } from "../../ops/power.ts";
import { vdot } from "../../ops/products.ts";
import { sum } from "../../ops/reductions.ts";
import {
  c,
  complexOf,
  conjugate,
  expectClose,
  exponential,
  length,
  over,
  plus,
  scale,
  some,
  tensorOf,
  times,
} from "../ops/complex-numbers.ts";
import { interpret, itemOf, valueOf } from "./values.ts";

const data = some([3], { seed: 5 });
const z = tensorOf(data);
const dz = some([3], { seed: 6 });
const ct = some([3], { seed: 7 });
const squaredLength = (t: Tensor): Tensor => real(mul(t, conj(t)));

/** Re(conj(a) b), summed. */
const pairing = (a: readonly Complex[], b: readonly Complex[]): number => a.reduce((s, x, i) => s + x.re * b[i]!.re + x.im * b[i]!.im, 0);

describe("the gradient of a real loss is dL/dx + i dL/dy", () => {
  it.each<[string, (t: Tensor) => Tensor, (w: Complex) => Complex]>([
    ["|z|^2", squaredLength, (w) => scale(w, 2)],
    ["|z|", abs, (w) => scale(w, 1 / length(w))],
    ["Re z", real, () => c(1, 0)],
    ["Im z", imag, () => c(0, 1)],
    ["arg z", angle, (w) => scale(times(c(0, 1), w), 1 / length(w) ** 2)],
    ["Re z^2", (t) => real(square(t)), (w) => scale(conjugate(w), 2)],
    ["Im exp z", (t) => imag(exp(t)), (w) => times(c(0, 1), conjugate(exponential(w)))],
    ["log |z|", (t) => log(abs(t)), (w) => scale(w, 1 / length(w) ** 2)],
    ["Re conj z", (t) => real(conj(t)), () => c(1, 0)],
  ])("%s", (_, f, expected) => {
    expectClose(complexOf(grad((t: Tensor) => sum(f(t)))(z) as Tensor), data.map(expected), 16);
  });

  it("descends: a small step against it lowers the loss", () => {
    const loss = (t: Tensor): Tensor => sum(squaredLength(sub(square(t), c(1, 2))));
    const [before, g] = valueAndGrad(loss)(z) as [Tensor, Tensor];
    expect(itemOf(loss(sub(z, mul(g, 1e-4))))).toBeLessThan(itemOf(before));
  });

  it("at 0, abs, sign and angle have a derivative of 0", () => {
    const zero = tensorOf([c(0, 0)]);
    for (const f of [abs, angle, (t: Tensor) => real(sign(t))])
      expect(complexOf(grad((t: Tensor) => sum(f(t)))(zero) as Tensor)).toEqual([c(0, 0)]);
  });

  it("by nodes, of leaves, probes and trees", () => {
    const leaf = placeholder([3], "complex128");
    expect((grad(sum(abs(leaf)), leaf) as Tensor).dtype).toBe("complex128");
    const p = probe(square(z));
    expectClose(
      complexOf(grad(sum(squaredLength(p)), p) as Tensor),
      data.map((w) => scale(times(w, w), 2)),
      16,
    );
    const both = grad((t: { a: Tensor; b: Tensor }) => real(vdot(t.a, t.b)))({ a: z, b: tensorOf(ct) }) as { a: Tensor; b: Tensor };
    expectClose(complexOf(both.a), ct, 0);
    expectClose(complexOf(both.b), data, 0);
  });

  it("what does not depend has zeros", () => {
    expect(complexOf(grad((t: Tensor) => sum(real(stopGradient(t))))(z) as Tensor)).toEqual(data.map(() => c(0, 0)));
  });
});

describe("forward and reverse mode", () => {
  const analytic: readonly (readonly [string, (t: Tensor) => Tensor, (w: Complex) => Complex])[] = [
    ["square", square, (w) => scale(w, 2)],
    ["exp", exp, exponential],
    ["reciprocal", reciprocal, (w) => scale(over(c(1, 0), times(w, w)), -1)],
    ["cube", (t) => pow(t, 3), (w) => scale(times(w, w), 3)],
    ["log", log, (w) => over(c(1, 0), w)],
  ];
  it.each(analytic)("of an analytic function: J v = f' v, and J^H ct = conj(f') ct: %s", (_, f, slope) => {
    const [, tangent] = jvp(f, [z], [tensorOf(dz)]) as unknown as [Tensor, Tensor];
    expectClose(
      complexOf(tangent),
      data.map((w, i) => times(slope(w), dz[i]!)),
      32,
    );
    const [back] = vjp(f, [z])[1](tensorOf(ct)) as unknown as [Tensor];
    expectClose(
      complexOf(back),
      data.map((w, i) => times(conjugate(slope(w)), ct[i]!)),
      32,
    );
  });

  it.each<[string, (t: Tensor) => Tensor]>([
    ["z |z|", (t) => mul(t, abs(t))],
    ["conj(z)^2 exp z", (t) => mul(square(conj(t)), exp(t))],
    ["sign z", sign],
    ["z / conj z", (t) => div(t, conj(t))],
    ["real powers", (t) => pow(t, real(t))],
    ["complex powers", (t) => pow(t, conj(t))],
    ["tanh of a product of matrices", (t) => tanh(matmul(stack([t, conj(t)]), t))],
  ])("<ct, J v> = <J^H ct, v> for %s", (_, f) => {
    const [y, tangent] = jvp(f, [z], [tensorOf(dz)]) as unknown as [Tensor, Tensor];
    const cotangent = some([y.shape[0] as number], { seed: 9 });
    const [back] = vjp(f, [z])[1](tensorOf(cotangent)) as unknown as [Tensor];
    const [left, right] = [pairing(cotangent, complexOf(tangent)), pairing(complexOf(back), dz)];
    expect(Math.abs(left - right)).toBeLessThan(1e-12 * (1 + Math.abs(left)));
  });

  it("linearize, and a tangent that is real", () => {
    const [y, push] = linearize((t: Tensor) => exp(t), [z]);
    expectClose(complexOf(y as Tensor), data.map(exponential), 8);
    expectClose(
      complexOf(push([tensorOf(dz)]) as Tensor),
      data.map((w, i) => times(exponential(w), dz[i]!)),
      16,
    );
    const x = constant(Float64Array.of(0.5, 1));
    const [, d] = jvp((t: Tensor) => exp(mul(t, c(0, 1))), [x], [constant(Float64Array.of(1, 2))]) as unknown as [Tensor, Tensor];
    expectClose(
      complexOf(d),
      [0.5, 1].map((v, i) => scale(times(c(0, 1), exponential(c(0, v))), i + 1)),
      8,
    );
  });

  it("cotangents of a real leaf are real, however complex the way", () => {
    const x = constant(Float64Array.of(0.5, 1));
    const g = grad((t: Tensor) => sum(squaredLength(sub(exp(complex(t, mul(t, 2))), c(1, 0)))))(x) as Tensor;
    expect(g.dtype).toBe("float64");
    // d/dx |e^((1 + 2i) x) - 1|^2 = 2 Re(conj(w - 1) (1 + 2i) w).
    const expected = [0.5, 1].map((v) => {
      const w = exponential(c(v, 2 * v));
      return 2 * times(conjugate(plus(w, c(-1, 0))), times(c(1, 2), w)).re;
    });
    valueOf(g).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 10));
  });
});

describe("second order", () => {
  it("hvp of |z^2|^2 is that of the parts", () => {
    // L = |z|^4: the gradient is 4 |z|^2 z, which moves along v as 8 Re(conj(z) v) z + 4 |z|^2 v.
    const [h] = hvp((t: Tensor) => sum(squaredLength(square(t))), [z], [tensorOf(dz)]) as unknown as [Tensor];
    const expected = data.map((w, i) => plus(scale(w, 8 * pairing([w], [dz[i]!])), scale(dz[i]!, 4 * length(w) ** 2)));
    expectClose(complexOf(h), expected, 64);
  });

  it("a gradient of a gradient", () => {
    const inner = (t: Tensor): Tensor => grad((s: Tensor) => sum(real(pow(s, 3))))(t) as Tensor;
    // The inner gradient is 3 conj(z)^2, whose real part is that of 3 z^2.
    expectClose(
      complexOf(grad((t: Tensor) => sum(real(inner(t))))(z) as Tensor),
      data.map((w) => scale(conjugate(w), 6)),
      16,
    );
  });

  it("a Hessian is by real arguments", () => {
    expect(() => hessian((t: Tensor) => sum(squaredLength(t)))(z)).toThrow(/by the parts x and y of complex\(x, y\)/);
    const [x, y] = [constant(0.5, { dtype: "float64" }), constant(-1, { dtype: "float64" })];
    const h = hessian((a: Tensor, b: Tensor) => imag(pow(complex(a, b), 3)), { argnums: [0, 1] })(x, y) as unknown as Tensor[][];
    // Im (x + iy)^3 = 3 x^2 y - y^3.
    expect(h.map((row) => row.map((t) => +itemOf(t).toFixed(12)))).toEqual([
      [-6, 3],
      [3, 6],
    ]);
  });
});

describe("Jacobians", () => {
  const f = (t: Tensor): Tensor => mul(exp(t), sum(t));
  it("of analytic functions hold df/dz, by either mode", () => {
    const total = data.reduce(plus);
    const expected = data.flatMap((a, i) => data.map((_, j) => plus(exponential(a), i === j ? times(exponential(a), total) : c(0, 0))));
    for (const mode of [jacfwd, jacrev]) {
      const j = mode(f, { holomorphic: true })(z) as Tensor;
      expect(j.shape).toEqual([3, 3]);
      expectClose(complexOf(j), expected, 64);
    }
  });

  it("of real functions of complex numbers hold gradients, of complex functions of real numbers their derivatives", () => {
    for (const mode of [jacfwd, jacrev]) {
      const j = complexOf(mode((t: Tensor) => abs(t))(z) as Tensor);
      expectClose(
        [j[0]!, j[4]!, j[8]!],
        data.map((w) => scale(w, 1 / length(w))),
        8,
      );
      const k = complexOf(mode((x: Tensor) => exp(mul(x, c(1, 2))))(constant(Float64Array.of(0.25, 0.5))) as Tensor);
      expectClose(
        [k[0]!, k[3]!],
        [0.25, 0.5].map((x) => times(c(1, 2), exponential(c(x, 2 * x)))),
        8,
      );
      expect([k[1], k[2]].map((w) => length(w!))).toEqual([0, 0]);
    }
  });

  it("of other functions are refused, with a way out", () => {
    expect(() => jacfwd((t: Tensor) => conj(t))(z)).toThrow(/holomorphic: true.*or by the parts/);
  });
});

describe("other transforms", () => {
  it("vmap is a loop, over complex arguments and beside them", () => {
    const rows = some([4, 3], { seed: 21 });
    const f = (a: Tensor, b: Tensor): Tensor => mul(exp(a), sum(mul(conj(a), b)));
    const together = complexOf(vmap(f, { inAxes: [0, null] })(tensorOf(rows, [4, 3]), z) as Tensor);
    const alone = [0, 1, 2, 3].flatMap((k) => complexOf(f(tensorOf(rows.slice(3 * k, 3 * k + 3)), z)));
    expect(together).toEqual(alone);
    const perExample = vmap(grad((a: Tensor) => sum(abs(f(a, z)))))(tensorOf(rows, [4, 3])) as Tensor;
    expect(perExample.shape).toEqual([4, 3]);
  });

  it("jet of exp along a line: each derivative brings a factor of the direction", () => {
    const [, series] = jet((t: Tensor) => exp(t), [z], [[tensorOf(dz), null, null]]) as unknown as [Tensor, Tensor[]];
    const powers = [dz, dz.map((d) => times(d, d)), dz.map((d) => times(d, times(d, d)))];
    series.forEach((t, k) =>
      expectClose(
        complexOf(t),
        data.map((w, i) => times(exponential(w), powers[k]![i]!)),
        32,
      ),
    );
  });

  it("derivatives and the Laplacian of a complex wave", () => {
    const [t, x] = [constant(Float64Array.of(0.25, 1)), constant(Float64Array.of(0.5, -1))];
    const wave = (a: Tensor, b: Tensor): Tensor => exp(mul(sub(mul(b, 2), mul(a, 3)), c(0, 1)));
    const { u, u_t, u_xx } = derivatives(wave, { t: 1, x: 2 })(t, x);
    expectClose(
      complexOf(u_t!),
      complexOf(u!).map((w) => times(c(0, -3), w)),
      16,
    );
    expectClose(
      complexOf(u_xx!),
      complexOf(u!).map((w) => scale(w, -4)),
      16,
    );
    const plane = (p: Tensor): Tensor => exp(mul(sum(mul(p, constant(Float64Array.of(1, 2)))), c(0, 1)));
    const p = constant(Float64Array.of(0.3, 0.4));
    expectClose(
      complexOf(laplacian(plane, p) as Tensor),
      complexOf(plane(p)).map((w) => scale(w, -5)),
      32,
    );
  });

  it("rules of one's own see complex numbers", () => {
    const f = customJvp(
      (t: Tensor) => square(t),
      ([t], [dt]) => mul(3, mul(t, dt)),
    );
    expectClose(
      complexOf(jvp(f, [z], [tensorOf(dz)])[1] as Tensor),
      data.map((w, i) => scale(times(w, dz[i]!), 3)),
      8,
    );
    expectClose(
      complexOf(grad((t: Tensor) => sum(real(f(t))))(z) as Tensor),
      data.map((w) => scale(conjugate(w), 3)),
      8,
    );
    const g = customVjp(
      (t: Tensor) => square(t),
      (t: Tensor) => [square(t), t] as const,
      (t: Tensor, ct_: Tensor) => [mul(mul(2, conj(t)), ct_)],
    );
    expectClose(
      complexOf(grad((t: Tensor) => sum(real(g(t))))(z) as Tensor),
      data.map((w) => scale(conjugate(w), 2)),
      8,
    );
    expectClose(
      complexOf(jvp(g, [z], [tensorOf(dz)])[1] as Tensor),
      data.map((w, i) => scale(times(w, dz[i]!), 2)),
      8,
    );
    const s = straightThrough((t: Tensor) => sign(t));
    expectClose(
      complexOf(grad((t: Tensor) => sum(imag(s(t))))(z) as Tensor),
      data.map(() => c(0, 1)),
      0,
    );
    const own = definePrimitive({ name: "complex cube", eval: ([t]) => pow(t!, 3) });
    expectClose(
      complexOf(grad((t: Tensor) => sum(real(own([t], {}))))(z) as Tensor),
      data.map((w) => scale(conjugate(times(w, w)), 3)),
      16,
    );
  });

  it.each<[string, (a: Tensor, b: Tensor) => unknown]>([
    ["scan", (a, b) => scan((s: Tensor, x: Tensor) => [add(mul(s, b), x), conj(s)] as [Tensor, Tensor], a, stack([a, b, mul(a, b)]))],
    ["fori", (a, b) => fori(0, 3, (_, s: Tensor) => mul(sin(s), b), a)],
    [
      "whileLoop",
      (a, b) =>
        whileLoop(
          (s: Tensor) => less(sum(abs(s)), 9),
          (s: Tensor) => add(mul(s, s), b),
          a,
          { maxSteps: 3 },
        ),
    ],
    [
      "cond",
      (a, b) =>
        cond(
          greater(real(sum(a)), -100),
          (s: Tensor) => exp(mul(s, b)),
          (s: Tensor) => s,
          a,
        ),
    ],
  ])("loops and branches carry complex numbers: %s", async (_, f) => {
    await checkGradsWith(interpret, f, [scale_(z, 0.4), tensorOf(dz)], { modes: ["fwd", "rev", "vmap"], rtol: 1e-5 });
  });

  it("no node inside a graph has a complex dtype: leaves and results alone", () => {
    const leaf = placeholder([3], "complex128");
    const y = sqrt(add(mul(exp(leaf), cos(leaf)), neg(leaf)));
    const inside = topological([y]).filter((t) => t.dtype.startsWith("complex") && t !== y && t !== leaf);
    expect(inside.map((t) => t.describe())).toEqual([]);
  });
});

const scale_ = (t: Tensor, s: number): Tensor => mul(t, s);

describe("what has no derivative says what to use", () => {
  it("a complex loss", () => {
    expect(() => grad((t: Tensor) => sum(t))(z)).toThrow(
      /a gradient is of a real number, got .*complex128.*Take real\(y\), imag\(y\) or abs\(y\)/,
    );
  });
  it("a tangent of another dtype", () => {
    expect(() => jvp(exp, [z], [real(z)])).toThrow(/shape and dtype must be equal/);
  });
});
