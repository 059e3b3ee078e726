/** Taylor mode: closed forms, nested jvp, structural zeros, gradients through it, and what it does to rules. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { jet } from "../../ad/jet.ts";
import { jvp } from "../../ad/jvp.ts";
import { vmap } from "../../ad/vmap.ts";
import { substitute, topological } from "../../core/graph.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { addN } from "../../ops/addN.ts";
import { add, div, mul, neg, reciprocal, square, sub } from "../../ops/arithmetic.ts";
import { zerosLike } from "../../ops/creation.ts";
import { atan, cos, erf, exp, log, sigmoid, sin, sqrt, tanh } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { abs, relu } from "../../ops/piecewise.ts";
import { pow } from "../../ops/power.ts";
import { definePrimitive, type PrimitiveFunction, type RuledPrimitive, RuleSet } from "../../ops/primitive.ts";
import { max } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { type Curve, expectClose, ORDER } from "./judge-jets.ts";
import { f64, itemOf, valueOf, valuesOf } from "./values.ts";

const straight = (v: unknown): unknown[] => [v, ...new Array<null>(ORDER - 1).fill(null)];
const derivatives = (f: Curve, x: number): number[] =>
  jet(f as (x: Tensor) => Tensor, f64(x), straight(1))[1].map((d) => itemOf(d as Tensor));

describe("derivatives of functions that are known in closed form", () => {
  const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
  const falling = (a: number, k: number): number => (k === 0 ? 1 : (a - k + 1) * falling(a, k - 1));
  /** The derivatives of y as polynomials in y, from y' as one: d/dx p(y) = p'(y) y'. */
  const polynomials = (slope: readonly number[], y: number): number[] => {
    const times = (a: readonly number[], b: readonly number[]): number[] =>
      Array.from({ length: a.length + b.length - 1 }, (_, n) => a.reduce((s, c, i) => s + c * (b[n - i] ?? 0), 0));
    let p: readonly number[] = slope;
    return Array.from({ length: ORDER }, () => {
      const value = p.reduce((s, c, i) => s + c * y ** i, 0);
      p = times(
        p.slice(1).map((c, i) => c * (i + 1)),
        slope,
      );
      return value;
    });
  };
  const hermite = (n: number, x: number): number =>
    n === 0 ? 1 : n === 1 ? 2 * x : 2 * x * hermite(n - 1, x) - 2 * (n - 1) * hermite(n - 2, x);
  const known: Record<string, [Curve, number, (k: number, x: number) => number]> = {
    "exp(2x)": [(x) => exp(mul(x, 2)), 0.3, (k, x) => 2 ** k * Math.exp(2 * x)],
    sin: [sin, 0.7, (k, x) => Math.sin(x + (k * Math.PI) / 2)],
    cos: [cos, 0.7, (k, x) => Math.cos(x + (k * Math.PI) / 2)],
    log: [log, 1.7, (k, x) => ((k % 2 ? 1 : -1) * factorial(k - 1)) / x ** k],
    reciprocal: [reciprocal, -1.3, (k, x) => ((k % 2 ? -1 : 1) * factorial(k)) / x ** (k + 1)],
    sqrt: [sqrt, 0.8, (k, x) => falling(0.5, k) * x ** (0.5 - k)],
    "x^2.7": [(x) => pow(x, 2.7), 1.2, (k, x) => falling(2.7, k) * x ** (2.7 - k)],
    "x^4 at 0": [(x) => pow(x, 4), 0, (k) => (k === 4 ? 24 : 0)],
    tanh: [tanh, 0.4, (k, x) => polynomials([1, 0, -1], Math.tanh(x))[k - 1]!],
    sigmoid: [sigmoid, -0.9, (k, x) => polynomials([0, 1, -1], 1 / (1 + Math.exp(-x)))[k - 1]!],
    atan: [atan, 0.6, (k, x) => ((k % 2 ? 1 : -1) * factorial(k - 1) * Math.sin(k * Math.atan2(1, x))) / (1 + x * x) ** (k / 2)],
    erf: [erf, 0.5, (k, x) => ((k % 2 ? 1 : -1) * 2 * hermite(k - 1, x) * Math.exp(-x * x)) / Math.sqrt(Math.PI)],
    "1/(1 - x) at 0": [(x) => div(1, sub(1, x)), 0, (k) => factorial(k)],
  };
  it.each(Object.entries(known))("%s", (_, [f, x, expected]) => {
    const values = Array.from({ length: ORDER }, (__, i) => expected(i + 1, x));
    derivatives(f, x).forEach((d, i) => expect(Math.abs(d - values[i]!)).toBeLessThanOrEqual(3e-14 * Math.max(1, Math.abs(values[i]!))));
  });
  it("the derivatives are of the curve: those of exp(x(s)) are Bell polynomials of its series", () => {
    const [x1, x2, x3] = [0.7, -0.4, 1.1];
    const [y, [y1, y2, y3]] = jet(exp, f64(0), [x1, x2, x3]) as unknown as [Tensor, Tensor[]];
    expect(valuesOf(y, y1!, y2!, y3!).flat()).toEqual([
      1,
      x1,
      expect.closeTo(x1 ** 2 + x2, 14),
      expect.closeTo(x1 ** 3 + 3 * x1 * x2 + x3, 14),
    ]);
  });
});

describe("structural zeros", () => {
  const [x, w, v] = [placeholder([4, 3], "float64"), placeholder([3, 2], "float64"), placeholder([4, 3], "float64")];
  it("a linear function of a straight line has no second derivative, and no work is spent on it", () => {
    const y = add(matmul(reshape(mul(x, 2), [4, 3]), w), 1);
    const [first, second] = jet(y, x, [v, null]) as Tensor[];
    expect(second).toBe(zerosLike(y));
    expect(first).toBe(jvp(y, x, v));
  });
  it("a function that is piecewise linear has none either", () => {
    for (const y of [relu(x), abs(x), max(x, 1)])
      expect((jet(y, x, [v, null, null]) as Tensor[]).slice(1)).toEqual([zerosLike(y), zerosLike(y)]);
  });
  it("a layer costs the second derivative two products, not the four of dense series", () => {
    const y = tanh(matmul(x, w));
    const dense = jet(y, x, [v, placeholder([4, 3], "float64")]) as Tensor[];
    const sparse = jet(y, x, [v, null]) as Tensor[];
    const products = (roots: readonly Tensor[]): number => topological(roots).filter((t) => t.primitive.name === "matmul").length;
    expect(products(dense)).toBe(3);
    expect(products(sparse)).toBe(2);
    expect(topological(sparse).length).toBeLessThan(topological(dense).length);
  });
  it("a curve that starts at rest is exact: only even orders of cos(s^2 / 2) move", () => {
    const orders = jet(cos, f64(0.3), [null, 1, null, null])[1] as Tensor[];
    const [s, c] = [Math.sin(0.3), Math.cos(0.3)];
    expect(valuesOf(...orders).flat()).toEqual([0, expect.closeTo(-s, 15), 0, expect.closeTo(-3 * c, 15)]);
  });
});

describe("with other transforms", () => {
  const third: Curve = (x) => (jet(tanh, x, [1, null, null])[1] as Tensor[])[2]!;
  const expected = (x: number): number => {
    const y = Math.tanh(x);
    return -2 * (1 - y * y) * (1 - 3 * y * y);
  };
  it("vmap of jet, and jet of vmap", () => {
    const xs = constant([-1, 0.2, 2], { dtype: "float64" });
    const inside = valueOf(vmap(third)(xs) as Tensor);
    const mapped = jet((x: Tensor) => vmap(tanh as Curve)(x) as Tensor, xs, [
      constant([1, 1, 1], { dtype: "float64" }),
      null,
      null,
    ])[1] as Tensor[];
    expect(inside).toEqual([-1, 0.2, 2].map((x) => expect.closeTo(expected(x), 13)));
    expect(valueOf(mapped[2]!)).toEqual(inside);
  });
  it("jet of grad, grad of jet, jet of jet and jvp of jet are the same derivative", () => {
    const f: Curve = (x) => exp(sin(x));
    const second =
      (g: Curve): Curve =>
      (x) =>
        (jet(g, x, [1, null])[1] as Tensor[])[1]!;
    const first =
      (g: Curve): Curve =>
      (x) =>
        grad(g)(x) as Tensor;
    const x = f64(0.4);
    const ways = [
      first(first(second(f))),
      second(first(first(f))),
      second(second(f)),
      (at: Tensor): Tensor => jvp((b: Tensor) => jvp(second(f), [b], [1])[1] as Tensor, [at], [1])[1] as Tensor,
    ];
    const [a, ...rest] = ways.map((g) => itemOf(g(x)));
    for (const b of rest) expect(b).toBeCloseTo(a!, 12);
  });
  it("keeps perturbations apart: d/dx [x d2/dy2 (x y^2)] at y = x is 4x", () => {
    const f: Curve = (x) => mul(x, (jet((y: Tensor) => mul(x, square(y)), x, [1, null])[1] as Tensor[])[1]!);
    expect(itemOf(jet(f, f64(3), [1])[1][0] as Tensor)).toBe(12);
    expect(itemOf(grad(f)(f64(3)) as Tensor)).toBe(12);
  });
  it("takes trees, several arguments and nodes", () => {
    const f = (p: { a: Tensor }, b: Tensor): { ab: Tensor; c: Tensor } => ({ ab: mul(p.a, b), c: square(b) });
    const [y, orders] = jet(f, [{ a: f64(2) }, f64(3)], [[{ a: f64(5) }], [7, null]]);
    const [first, second] = orders as { ab: Tensor; c: Tensor }[];
    expect(valuesOf(y.ab, y.c, first!.ab, first!.c, second!.ab, second!.c).flat()).toEqual([6, 9, 29, 42, 70, 98]);
    const [z, [dz]] = jet((p: { a: Tensor; b: Tensor }) => mul(p.a, p.b), { a: f64(2), b: f64(3) }, [{ a: 1, b: 10 }]);
    expect(valuesOf(z, dz!).flat()).toEqual([6, 23]);
    const [x, w] = [placeholder([], "float64"), placeholder([], "float64")];
    expect(jet(mul(x, w), { x, w }, [{ x: 1, w: 1 }])).toEqual([add(w, x)]);
  });
  it("a chain of 20,000 nodes does not overflow the stack", () => {
    const x = placeholder([], "float64");
    let y: Tensor = x;
    for (let i = 0; i < 20_000; i++) y = i % 2 === 0 ? sub(y, 1e-6) : div(y, 1.0000001);
    expect((jet(y, x, [1, null]) as Tensor[])[0]!.height).toBeGreaterThan(9_000);
  });
});

describe("rules", () => {
  const [mulPrimitive, divPrimitive] = [mul, (a: Tensor, b: Tensor) => div(b, a)].map(
    (f) => f(placeholder([], "float64"), placeholder([], "float64")).primitive as RuledPrimitive,
  ) as [RuledPrimitive, RuledPrimitive];
  const bare = definePrimitive<object>({ name: "cube", type: ([x]) => x!.outputs[0]! });
  const byJvp = new RuleSet({ cube: { jvp: ({ inputs, tangents }) => [mul(tangents[0]!, mul(3, square(inputs[0]!)))] } });
  const x = placeholder([], "float64");
  const y = bare([x], {});
  it("a primitive without one is an error that names primitive, transform and remedy", () =>
    expect(() => jet(y, x, [1])).toThrow(/cube: the primitive has no jvp rule.*Taylor series.*new RuleSet\({ "cube"/s));
  it("a jvp rule is enough for every order", () => {
    const orders = jet(y, x, [1, null, null, null], { rules: byJvp }) as Tensor[];
    expect(valuesOf(...substitute(orders, new Map([[x, f64(2)]]))).flat()).toEqual([12, 12, 6, 0]);
  });
  it("for a product of its own, and for what solves one, a jvp rule is enough too", () => {
    /** x y, and the solution z of x z = y, as a linear solver gives it: neither has a rule for series. */
    const product: PrimitiveFunction<object> = definePrimitive<object>({
      name: "product",
      type: ([a]) => a!.outputs[0]!,
      jvp: ({ inputs: [a, b], tangents: [da, db] }) => [addN([da && product([da, b!], {}), db && product([a!, db], {})])],
      lower: mulPrimitive.lower!,
    });
    const solution: PrimitiveFunction<object> = definePrimitive<object>({
      name: "solution",
      type: ([a]) => a!.outputs[0]!,
      jvp: ({ inputs: [a], tangents: [da, db], outputs: [z] }) => [
        solution([a!, addN([db, da && neg(product([da, z!], {}))] as Tensor[])], {}),
      ],
      lower: (call) => divPrimitive.lower!({ ...call, inputs: [...call.inputs].reverse() }),
    });
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 2, noNaN: true }), fc.double({ min: -2, max: 2, noNaN: true }), (a, b) => {
        const series = [
          [b, a, null, 1, null, null],
          [a, null, 1, null, b, null],
        ];
        const of = (f: (x: Tensor, y: Tensor) => Tensor): number[][] => valuesOf(...(jet(f, [f64(a), f64(b)], series)[1] as Tensor[]));
        const composed = (times: typeof mul, over: typeof div) => (x: Tensor, y: Tensor) =>
          times(sin(times(x, y)), over(add(1, y), times(x, x)));
        const own = (p: typeof product): typeof mul => ((x: Tensor, y: Tensor) => p([x, y], {})) as typeof mul;
        const quotient = ((y: Tensor, x: Tensor) => solution([x, y], {})) as unknown as typeof div;
        expectClose(of(composed(own(product), quotient)), of(composed(mul, div)), 1e-12);
      }),
      { numRuns: 10 },
    );
  });
  it("one handed in comes before the primitive's own, for this transform only", () => {
    const half = new RuleSet({ tanh: { jvp: ({ tangents }) => [mul(tangents[0]!, 0.5)] } });
    const whole = new RuleSet({ tanh: { jet: ({ order }) => [f64(order)] } });
    const t = tanh(x);
    const [first, second] = jet(t, x, [1, null], { rules: half }) as Tensor[];
    expect(valuesOf(first!, second!).flat()).toEqual([0.5, 0]);
    expect(valuesOf(...(jet(t, x, [1, null], { rules: whole }) as Tensor[])).flat()).toEqual([1, 2]);
    expect(jet(t, x, [1])).toEqual([jvp(t, x, 1)]);
  });
});

describe("refusals", () => {
  const x = placeholder([2], "float64").named("x");
  it("a derivative of another shape", () =>
    expect(() => jet(square(x), x, [1])).toThrow(/jet: the derivative of order 1 constant float64\[\] does not fit.*"x" float64\[2\]/));
  it("no derivatives at all", () => expect(() => jet(square(x), x, [])).toThrow(/jet: the series are empty/));
  it("a series that is no list", () =>
    expect(() => jet((a: Tensor) => a, f64(1), 3 as unknown as [])).toThrow(/jet: the series of argument 0 must be a list/));
  it("a series missing", () =>
    expect(() => jet((a: Tensor, b: Tensor) => add(a, b), [f64(1), f64(2)], [[1]])).toThrow(/jet: needs a series for each of 2 arguments/));
  it("integers", () => expect(() => jet((a: Tensor) => a, constant(1, { dtype: "int32" }), [1])).toThrow(/int32.*float/s));
  it("an interned intermediate", () => expect(() => jet(square(x), mul(x, 2), [x])).toThrow(/jet: mul.*probe/s));
});
