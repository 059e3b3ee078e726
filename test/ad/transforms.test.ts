/** What transforms mean: nesting, aliasing, structure, structural zeros, and what they refuse. */
import { describe, expect, it } from "vitest";
import { grad, valueAndGrad } from "../../ad/grad.ts";
import { hessian, hvp, jacfwd, jacrev } from "../../ad/jacobian.ts";
import { jvp, linearize } from "../../ad/jvp.ts";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, square, sub } from "../../ops/arithmetic.ts";
import { cos, exp, sin, tanh } from "../../ops/functions.ts";
import { definePrimitive, RuleSet } from "../../ops/primitive.ts";
import { sum } from "../../ops/reductions.ts";
import { probe, stopGradient } from "../../ops/identity.ts";
import { f64, itemOf, valueOf, valuesOf } from "./values.ts";

const vec = (...v: number[]): Tensor => constant(v, { dtype: "float64" });

describe("perturbation confusion", () => {
  const one = f64(1);
  it("d/dx [x d/dy (x + y)] = 1", () => {
    expect(itemOf(grad((x: Tensor) => mul(x, grad((y: Tensor) => add(x, y))(one)))(f64(3)))).toBe(1);
    expect(itemOf(grad((x: Tensor) => mul(x, jvp((y: Tensor) => add(x, y), [one], [one])[1]))(f64(3)))).toBe(1);
    expect(itemOf(jvp((x: Tensor) => mul(x, grad((y: Tensor) => add(x, y))(one)), [f64(3)], [one])[1])).toBe(1);
    expect(itemOf(jvp((x: Tensor) => mul(x, jvp((y: Tensor) => add(x, y), [one], [one])[1]), [f64(3)], [one])[1])).toBe(1);
  });
  it("d/dx [x d/dy (x y)] at y = x is 2x, whichever modes nest", () => {
    const d = {
      grad: (f: (x: Tensor) => Tensor) => grad(f) as (x: Tensor) => Tensor,
      jvp: (f: (x: Tensor) => Tensor) => (x: Tensor) => jvp(f, [x], [one])[1] as Tensor,
    };
    for (const outer of [d.grad, d.jvp])
      for (const inner of [d.grad, d.jvp]) expect(itemOf(outer((x) => mul(x, inner((y) => mul(x, y))(x)))(f64(3)))).toBe(6);
  });
  it("three levels: d/dx x^2 d/dy [y d/dz (x y z)] = 6 x^2 y at y = 1", () => {
    const f = (x: Tensor): Tensor => mul(square(x), grad((y: Tensor) => mul(y, grad((z: Tensor) => mul(mul(x, y), z))(one)))(one));
    expect(itemOf(grad(f)(f64(2)))).toBe(3 * 4 * 2);
  });
  it("a closed-over vmap example is not another's", () => {
    const xs = vec(1, 2, 3);
    const rows = vmap((a: Tensor) => vmap((b: Tensor) => grad((c: Tensor) => mul(mul(a, b), square(c)))(b))(xs))(xs);
    expect(valueOf(rows)).toEqual([2, 8, 18, 4, 16, 36, 6, 24, 54]);
  });
});

describe("aliasing", () => {
  it("grad(a => a x)(x) is x, not 2x", () => {
    const x = f64(5);
    expect(itemOf(grad((a: Tensor) => mul(a, x))(x))).toBe(5);
    expect(valuesOf(...(grad((a: Tensor, b: Tensor) => mul(a, square(b)), { argnums: [0, 1] })(x, x) as Tensor[])).flat()).toEqual([
      25, 50,
    ]);
  });
  it("an interned intermediate is refused with a hint at probe, and a probe separates equal expressions", () => {
    const x = placeholder([], "float64").named("x");
    const a = mul(x, 2);
    expect(() => grad(mul(a, mul(x, 2)), a)).toThrow(/grad: mul float64\[\].*probe/s);
    const p = probe(a);
    expect(probe(a)).not.toBe(p);
    expect(grad(mul(p, a), p)).toBe(a);
  });
  it("equal gradients are one node, however often they are built", () => {
    const x = placeholder([3], "float32");
    const loss = sum(square(tanh(x)));
    expect(grad(loss, x)).toBe(grad(loss, x));
  });
});

describe("structure", () => {
  it("arrays and objects come back as they went in", () => {
    const [a, b] = [placeholder([], "float64"), placeholder([], "float64")];
    const tree = { layers: [{ w: a }], list: [b] };
    const g = grad(mul(a, b), tree);
    expect(g).toEqual({ layers: [{ w: b }], list: [a] });
    const [v, parts] = valueAndGrad((p: { a: Tensor; b: Tensor }) => mul(p.a, square(p.b)))({ a: f64(2), b: f64(3) });
    expect(valuesOf(v, (parts as { a: Tensor }).a, (parts as { b: Tensor }).b).flat()).toEqual([18, 9, 12]);
  });
  it("vjp and linearize keep f's own structure and can be called again", () => {
    const f = (x: Tensor, y: Tensor): { p: Tensor; s: Tensor } => ({ p: mul(x, y), s: add(x, y) });
    const [out, pullback] = vjp(f, [f64(2), f64(3)]);
    expect(valuesOf(out.p, out.s).flat()).toEqual([6, 5]);
    expect(valuesOf(...(pullback({ p: f64(1), s: f64(10) }) as Tensor[])).flat()).toEqual([13, 12]);
    const [, push] = linearize(f, [f64(2), f64(3)]);
    expect(valuesOf(push([1, 0]).p, push([0, 1]).p, push([1, 1]).s).flat()).toEqual([3, 2, 2]);
  });
  it("hasAux hands the rest of the result through", () => {
    const [g, aux] = grad((x: Tensor) => [square(x), exp(x)], { hasAux: true })(f64(0)) as unknown as [Tensor, Tensor];
    expect(valuesOf(g, aux).flat()).toEqual([0, 1]);
  });
  it("jacfwd, jacrev and hessian have the output's axes before the input's", () => {
    const A = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const f = (x: Tensor): Tensor => sum(mul(constant(A, { dtype: "float64" }), square(x)), { axis: 1 });
    const x = vec(1, -1, 2);
    const expected = A.flatMap((row) => row.map((a, j) => 2 * a * [1, -1, 2][j]!));
    for (const jac of [jacfwd, jacrev]) {
      const j = jac(f)(x);
      expect(j.shape).toEqual([2, 3]);
      expect(valueOf(j)).toEqual(expected);
    }
    const h = hessian((y: Tensor) => sum(f(y)))(x);
    expect(h.shape).toEqual([3, 3]);
    expect(valueOf(h)).toEqual([10, 0, 0, 0, 14, 0, 0, 0, 18]);
    const [hv] = hvp((y: Tensor) => sum(f(y)), [x], [vec(1, 1, 1)]);
    expect(valueOf(hv as Tensor)).toEqual([10, 14, 18]);
  });
  it("vmap maps the axes it is told, hands on the others, and nests", () => {
    const m = constant(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: "float64" },
    );
    const dotAll = vmap((a: Tensor, b: Tensor) => sum(mul(a, b)), { inAxes: [1, null] });
    expect(valueOf(dotAll(m, vec(10, 1)))).toEqual([14, 25, 36]);
    const outer = vmap((a: Tensor) => vmap((b: Tensor) => mul(a, b))(vec(1, 2)), { outAxes: 1 })(vec(3, 5, 7));
    expect(outer.shape).toEqual([2, 3]);
    expect(valueOf(outer)).toEqual([3, 5, 7, 6, 10, 14]);
    expect(valueOf(vmap((_: Tensor) => f64(1))(vec(1, 2)))).toEqual([1, 1]);
  });
});

describe("structural zeros", () => {
  it("what does not depend has a derivative of zeros, and stopGradient makes it so", () => {
    const x = placeholder([2], "float64");
    const y = placeholder([], "float64");
    expect(valueOf(grad(square(y), x))).toEqual([0, 0]);
    expect(valueOf(grad((a: Tensor) => mul(stopGradient(a), a))(f64(3)))).toEqual([3]);
    expect(valueOf(grad((a: Tensor) => square(stopGradient(a)))(f64(3)))).toEqual([0]);
  });
  it("a derivative that is taken of a zero derivative is zero again", () => {
    expect(itemOf(grad(grad((x: Tensor) => mul(x, 3)))(f64(1)))).toBe(0);
  });
});

describe("third order and beyond", () => {
  it("the n-th derivative of sin is a quarter turn on", () => {
    let f: (x: Tensor) => Tensor = sin;
    const at = 0.7;
    for (const expected of [Math.cos(at), -Math.sin(at), -Math.cos(at), Math.sin(at)]) {
      f = grad(f) as (x: Tensor) => Tensor;
      expect(itemOf(f(f64(at)))).toBeCloseTo(expected, 14);
    }
  });
  it("the third derivative of tanh, at 1e-8 and elsewhere", () => {
    const d3 = grad(grad(grad((x: Tensor) => tanh(x)))) as (x: Tensor) => Tensor;
    for (const at of [1e-8, 0.3, -1.2, 3]) {
      const y = Math.tanh(at);
      const expected = -2 * (1 - y * y) * (1 - 3 * y * y);
      expect(Math.abs(itemOf(d3(f64(at))) - expected)).toBeLessThan(1e-14 + 1e-12 * Math.abs(expected));
    }
    expect(itemOf(tanh(constant(1e-8)))).toBe(Math.fround(1e-8));
    expect(itemOf(grad((x: Tensor) => tanh(x))(constant(1e-8)))).toBe(1);
  });
  it("forward over reverse over forward agrees with reverse over forward over reverse", () => {
    const f = (x: Tensor): Tensor => mul(exp(sin(x)), cos(square(x)));
    const fwd =
      (g: (x: Tensor) => Tensor) =>
      (x: Tensor): Tensor =>
        jvp(g, [x], [1])[1] as Tensor;
    const rev = (g: (x: Tensor) => Tensor) => grad(g) as (x: Tensor) => Tensor;
    const x = f64(0.4);
    expect(itemOf(fwd(rev(fwd(f)))(x))).toBeCloseTo(itemOf(rev(fwd(rev(f)))(x)), 10);
  });
});

describe("rules as values", () => {
  const cube = definePrimitive<object>({ name: "cube", type: ([x]) => x!.outputs[0]! });
  it("a missing rule is an error that names primitive, transform and remedy", () => {
    const x = placeholder([], "float64");
    expect(() => grad(cube([x], {}), x)).toThrow(/cube: the primitive has no jvp rule.*derivative.*RuleSet/s);
    expect(() => vmap((a: Tensor) => cube([a], {}))(vec(1, 2))).toThrow(/cube: the primitive has no batch rule.*vmap/s);
  });
  it("a rule set given to one transform serves it and no other", () => {
    const x = placeholder([], "float64");
    const rules = new RuleSet({ cube: { jvp: ({ inputs, tangents }) => [mul(tangents[0]!, mul(3, square(inputs[0]!)))] } });
    expect(grad(cube([x], {}), x, { rules })).toBe(mul(3, square(x)));
    expect(() => grad(cube([x], {}), x)).toThrow(/no jvp rule/);
  });
});

describe("refusals", () => {
  const x = placeholder([2], "float32").named("x");
  it("a gradient of what is not a scalar", () =>
    expect(() => grad(square(x), x)).toThrow(/grad: a gradient is of a scalar, got mul float32\[2\].*sum or mean/s));
  it("integers", () => {
    const n = placeholder([], "int32").named("n");
    expect(() => grad(sum(mul(n, 1)), n)).toThrow(/int32.*float/s);
  });
  it("a tangent of another shape", () => expect(() => jvp(square(x), x, vec(1, 2, 3))).toThrow(/tangent.*\[3\].*does not fit.*"x"/s));
  it("an argument that is not there", () =>
    expect(() => grad((a: Tensor) => a, { argnums: 1 })(f64(1))).toThrow(/argnums names argument 1, but 1 argument was given/));
  it("examples of different number", () =>
    expect(() => vmap((a: Tensor, b: Tensor) => mul(a, b))(vec(1, 2), vec(1, 2, 3))).toThrow(/vmap: mapped axes differ in size.*2.*3/s));
  it("an axis that is not there", () =>
    expect(() => vmap((a: Tensor) => a, { inAxes: 3 })(vec(1, 2))).toThrow(/vmap: axis 3 is out of range/));
  it("a function that returns no tensor", () =>
    expect(() => jvp((_: Tensor) => "no" as unknown as Tensor, [f64(1)], [1])).toThrow(
      /jvp: the function's result must be a tensor, got "no"/,
    ));
});

it("a chain of 100,000 nodes is differentiated without a stack overflow", () => {
  const x = placeholder([], "float64");
  let y: Tensor = x;
  for (let i = 0; i < 100_000; i++) y = i % 2 === 0 ? sub(y, 1e-6) : div(y, 1.0000001);
  const g = grad(y, x);
  expect(g.height).toBeGreaterThan(49_000);
});
