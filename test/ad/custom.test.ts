/** Derivatives of one's own: which transform takes which rule, in every nesting, and what wrong rules are told. */
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { customJvp, customVjp, straightThrough } from "../../ad/custom.ts";
import { grad, valueAndGrad } from "../../ad/grad.ts";
import { hessian, jacfwd, jacrev } from "../../ad/jacobian.ts";
import { jet } from "../../ad/jet.ts";
import { jvp, linearize } from "../../ad/jvp.ts";
import { laplacian } from "../../ad/laplacian.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { substitute, topological } from "../../core/graph.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, neg, square, sub } from "../../ops/arithmetic.ts";
import { onesLike } from "../../ops/creation.ts";
import { exp, log1p, sin, tanh } from "../../ops/functions.ts";
import { matmul } from "../../ops/matmul.ts";
import { clip, round } from "../../ops/piecewise.ts";
import { definePrimitive as defineBare } from "../../ops/primitive.ts";
import { sum } from "../../ops/reductions.ts";
import { transpose } from "../../ops/transpose.ts";
import { f64, interpret, itemOf, valueOf, valuesOf } from "./values.ts";

const vec = (...v: number[]): Tensor => constant(v, { dtype: "float64" });
type Unary = (x: Tensor) => Tensor;

describe("customJvp", () => {
  /** log(1 + exp x), whose own derivative would be exp x / (1 + exp x): NaN for large x. */
  const log1pexp = customJvp<[Tensor], Tensor>(
    (x) => log1p(exp(x)),
    ([x], [dx]) => div(dx, add(1, exp(neg(x)))),
    { name: "log1pexp" },
  );
  it("changes the derivative and not the value, in both modes and at any order", async () => {
    const big = f64(1000);
    expect(itemOf(grad((x: Tensor) => log1p(exp(x)))(big))).toBeNaN();
    expect(itemOf(grad(log1pexp)(big))).toBe(1);
    expect(itemOf(jvp(log1pexp, [big], [1])[1])).toBe(1);
    expect(itemOf(log1pexp(f64(0.3)))).toBe(itemOf(log1p(exp(f64(0.3)))));
    await checkGradsWith(interpret, (x: Tensor) => sin(log1pexp(mul(x, x))), [vec(0.3, -0.7)], { order: 3, rtol: 1e-5, atol: 1e-6 });
  });
  it("serves jet, the Laplacian, vmap and their nestings", () => {
    const s = 1 / (1 + Math.exp(-0.4));
    const third = s * (1 - s) * (1 - 2 * s);
    const orders = jet(log1pexp, f64(0.4), [1, null, null])[1];
    expect(valuesOf(...orders).flat()).toEqual([s, s * (1 - s), third].map((v) => expect.closeTo(v, 14)));
    expect(itemOf(laplacian((x) => sum(log1pexp(x)), vec(0.4, 0.4)))).toBeCloseTo(2 * s * (1 - s), 14);
    const xs = vec(0.4, 1000, -2);
    const mapped = vmap(log1pexp) as Unary;
    const ways: Unary[] = [vmap(grad(log1pexp)) as Unary, grad((x: Tensor) => sum(mapped(x))), (x) => jvp(mapped, [x], [onesLike(x)])[1]];
    for (const way of ways) expect(valueOf(way(xs))).toEqual([0.4, 1000, -2].map((x) => expect.closeTo(1 / (1 + Math.exp(-x)), 15)));
  });
  it("may ask for itself, of another argument and by its own result", () => {
    const quotient: (a: Tensor, b: Tensor) => Tensor = customJvp(
      (a: Tensor, b: Tensor) => div(b, a),
      ([a], [da, db], x): Tensor => quotient(a, sub(db, mul(da, x))),
      { name: "quotient" },
    );
    const series = [
      [f64(1), null, null],
      [f64(0.5), null, null],
    ];
    const [own, plain] = [quotient, (a: Tensor, b: Tensor) => div(b, a)].map((f) =>
      valuesOf(...jet(f, [f64(2), f64(3)], series)[1]).flat(),
    );
    expect(own).toEqual(plain!.map((v) => expect.closeTo(v, 14)));
  });
  it("takes trees and several arguments, and zeros where nothing moves", () => {
    const scaled = customJvp(
      (p: { a: Tensor; b: Tensor }, x: Tensor) => ({ y: mul(p.a, x), z: mul(p.b, x) }),
      ([p, x], [dp, dx], out) => ({ y: add(mul(dp.a, x), mul(p.a, dx)), z: mul(add(dp.b, 100), mul(out.z, dx)) }),
    );
    const [, t] = jvp((x: Tensor) => scaled({ a: f64(2), b: f64(3) }, x), [f64(5)], [1]);
    expect(valuesOf(t.y, t.z).flat()).toEqual([2, 1500]);
  });
  it("equal applications are one node, in one expression with what they compute", () => {
    const x = placeholder([], "float64");
    expect(log1pexp(x)).toBe(log1pexp(x));
    expect(topological([log1pexp(x)]).map((t) => t.primitive.name)).toEqual(["placeholder", "exp", "log1p", "log1pexp"]);
  });
  it("an inner operation without rules is no obstacle", () => {
    const bare = defineBare<object>({ name: "bare", type: ([x]) => x!.outputs[0]! });
    const f = customJvp<[Tensor], Tensor>(
      (x) => bare([x], {}),
      (_, [dx]) => mul(dx, 7),
    );
    const x = placeholder([], "float64");
    expect(itemOf(jvp(f(x), x, 1))).toBe(7);
    expect(itemOf(grad(f(x), x))).toBe(7);
    expect(jet(f(x), x, [1, null]).map(itemOf)).toEqual([7, 0]);
  });
  it("a rule of the wrong type or structure is told so by name", () => {
    const x = vec(1, 2);
    const wrong = (rule: () => unknown) => (): unknown =>
      jvp(
        customJvp<[Tensor], Tensor>((a) => square(a), rule, { name: "halve" }),
        [x],
        [x],
      );
    expect(wrong(() => f64(1))).toThrow(/halve: its rule gave the tangent constant float64\[\] for halve float64\[2\]; shape and dtype/);
    expect(wrong(() => [x, x])).toThrow(/halve: its rule gave no tangent for the result/);
    expect(wrong(() => "no")).toThrow(/halve: its rule must give a tensor as tangent/);
  });
  it("what it closes over is constant, and a derivative through that is an error, not a zero", () => {
    const w = placeholder([], "float64").named("w");
    const f = customJvp<[Tensor], Tensor>(
      (x) => mul(x, exp(w)),
      ([x], [dx]) => mul(dx, x),
      { name: "closed" },
    );
    expect(itemOf(substitute([grad(f)(f64(3))], new Map([[w, f64(0)]]))[0]!)).toBe(3);
    expect(() => grad(f(f64(3)), w)).toThrow(/closed: it closes over exp.*which a derivative flows through.*argument/);
    const inner = (a: Tensor): Unary =>
      customJvp<[Tensor], Tensor>(
        (y) => mul(a, y),
        (_, [dy]) => dy,
      );
    expect(() => grad((x: Tensor) => inner(x)(x))(f64(1))).toThrow(/closes over.*argument/);
    expect(() => vmap((a: Tensor) => inner(a)(f64(2)))(vec(1, 2))).toThrow(/differs between the examples/);
  });
});

describe("customVjp", () => {
  const clipped = customVjp(
    (x: Tensor) => mul(x, 2),
    (x: Tensor) => [mul(x, 2), null] as const,
    (_, ct) => [clip(ct, -1, 1)],
    { name: "clipGradient" },
  );
  const cube = customVjp(
    (x: Tensor) => mul(square(x), x),
    (x: Tensor) => [mul(square(x), x), { slope: mul(3, square(x)) }] as const,
    ({ slope }, ct) => [mul(ct, slope)],
    { name: "cube" },
  );
  it("is what reverse mode takes, linear in the cotangent or not", () => {
    const [value, pullback] = vjp(clipped, [vec(1, 2, 3)]);
    expect(valuesOf(value, pullback(vec(0.5, -4, 7))[0])).toEqual([
      [2, 4, 6],
      [0.5, -1, 1],
    ]);
    expect(valueOf(grad((x: Tensor) => sum(mul(clipped(x), vec(5, 0.25, -9))))(vec(1, 1, 1)))).toEqual([1, 0.25, -1]);
  });
  it("forward mode is its transpose, where that exists", async () => {
    expect(itemOf(jvp(cube, [f64(2)], [1])[1])).toBe(12);
    expect(itemOf(linearize(cube, [f64(2)])[1]([2]))).toBe(24);
    expect(valueOf(jacfwd((x: Tensor) => cube(x))(vec(1, 2)))).toEqual([3, 0, 0, 12]);
    expect(valueOf(hessian((x: Tensor) => sum(cube(x)))(vec(1, 2)))).toEqual([6, 0, 0, 12]);
    expect(jet(cube, f64(2), [1, null, null, null])[1].map(itemOf)).toEqual([12, 12, 6, 0]);
    await checkGradsWith(interpret, (x: Tensor) => sin(cube(x)), [vec(0.3, -0.7)], { order: 3, rtol: 1e-5, atol: 1e-6 });
    expect(() => jvp(clipped, [f64(1)], [1])).toThrow(/clipGradient: its vjp rule is not linear in the cotangent.*reverse mode/);
  });
  it("vmaps, before and after", () => {
    const rows = constant(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: "float64" },
    );
    const k = vec(2, 0.5);
    const weighted = customVjp(
      (x: Tensor, w: Tensor) => mul(x, w),
      (x: Tensor, w: Tensor) => [mul(x, w), { x, w }] as const,
      ({ x, w }, ct) => [clip(mul(ct, w), -1, 1), mul(ct, x)],
    );
    const loss = (x: Tensor, w: Tensor): Tensor => sum(weighted(x, w));
    const both = grad(loss, { argnums: [0, 1] });
    expect(valuesOf(...(vmap(both, { inAxes: [0, null] })(rows, k) as Tensor[]))).toEqual([
      [1, 0.5, 1, 0.5],
      [1, 2, 3, 4],
    ]);
    const total = (x: Tensor, w: Tensor): Tensor => sum(vmap(loss, { inAxes: [0, null] })(x, w));
    expect(valuesOf(...grad(total, { argnums: [0, 1] })(rows, k))).toEqual([
      [1, 0.5, 1, 0.5],
      [4, 6],
    ]);
    expect(valueOf(jacrev((x: Tensor) => weighted(x, k))(vec(1, 2)))).toEqual([1, 0, 0, 0.5]);
  });
  it("null stands for no cotangent, and forgetting one is an error", () => {
    const both = (backward: (r: null, ct: Tensor) => readonly unknown[]): Unary => {
      const f = customVjp(
        (x: Tensor, n: { k: Tensor; j: Tensor }) => mul(x, n.k),
        (x, n) => [mul(x, n.k), null] as const,
        backward,
        { name: "both" },
      );
      return (x) => f(x, { k: x, j: x });
    };
    const x = f64(3);
    expect(itemOf(grad(both((_, ct) => [ct, null]))(x))).toBe(1);
    expect(itemOf(grad(both((_, ct) => [ct, { k: mul(ct, 2), j: null }]))(x))).toBe(3);
    expect(() => grad(both((_, ct) => [ct]))(x)).toThrow(/both: its rule gave no cotangent for \[1\].k.*null for zero/);
    expect(() => grad(both((_, ct) => [ct, null, ct]))(x)).toThrow(/both: its rule gave a cotangent at \[2\], to which nothing belongs/);
    expect(() => grad(both(() => [vec(1, 2), null]))(x)).toThrow(/both: its rule gave the cotangent constant float64\[2\]/);
    const noPair = customVjp(
      (a: Tensor) => a,
      ((a: Tensor) => a) as never,
      () => [],
      { name: "noPair" },
    );
    expect(() => grad(noPair)(x)).toThrow(/noPair: forward must return \[result, residuals\]/);
  });
  it("says so where forward gives another result than the function", () => {
    const from = (result: (x: Tensor) => unknown): (() => Tensor) => {
      const f = customVjp<[Tensor], Tensor, Tensor>(
        (x) => square(x),
        (x) => [result(x) as Tensor, x],
        (_, ct) => [ct],
        { name: "squared" },
      );
      return () => grad((x: Tensor) => sum(f(x)))(vec(1, 2));
    };
    expect(from(square)).not.toThrow();
    expect(from((x) => sum(x))).toThrow(
      /squared: forward gives the result sum.* float64\[\], where the function gives squared float64\[2\]/,
    );
    expect(from((x) => ({ y: x }))).toThrow(
      /squared: forward gives a result with tensors at \[\.?y\], where the function has them at \[\]/,
    );
  });
});

describe("straightThrough", () => {
  it("rounds, and lets derivatives pass as if it did not", () => {
    const hard = straightThrough(round as Unary);
    const [value, gradient] = valueAndGrad((x: Tensor) => sum(square(hard(mul(x, 2)))))(vec(0.3, 0.9));
    expect(itemOf(value)).toBe(1 + 4);
    expect(valueOf(gradient)).toEqual([4, 8]);
    expect(valueOf(vmap(grad((x: Tensor) => square(hard(x))))(vec(0.6, 1.7)))).toEqual([2, 4]);
  });
  it("takes the derivative of another function where one is given", () => {
    const step = straightThrough<[Tensor], Tensor>((x) => round(add(mul(tanh(x), 0.5), 0.5)), tanh);
    expect(itemOf(step(f64(2)))).toBe(1);
    expect(itemOf(grad(step)(f64(2)))).toBeCloseTo(1 - Math.tanh(2) ** 2, 14);
  });
});

it("a layer with a rule of its own trains as one without", () => {
  const matrix = (rows: number[][]): Tensor => constant(rows, { dtype: "float64" });
  const [rows, w] = [
    matrix([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    matrix([
      [0.3, -0.2],
      [0.5, 0.7],
    ]),
  ];
  const dense = customVjp(
    (x: Tensor, v: Tensor): Tensor => matmul(x, v),
    (x, v): readonly [Tensor, { x: Tensor; v: Tensor }] => [matmul(x, v), { x, v }],
    ({ x, v }, ct) => [matmul(ct, transpose(v)), matmul(transpose(x), ct)],
  );
  const loss = (layer: (x: Tensor, v: Tensor) => Tensor) => (v: Tensor) => sum(square(sub(tanh(layer(rows, v)), 0.1)));
  expect(valueOf(grad(loss(dense))(w))).toEqual(valueOf(grad(loss(matmul as (x: Tensor, v: Tensor) => Tensor))(w)));
});
