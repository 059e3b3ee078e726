/** Primitives of a user's own, and rule sets: each rule serves its transform, and no other. */
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { customJvp } from "../../ad/custom.ts";
import { definePrimitive } from "../../ad/define.ts";
import { grad } from "../../ad/grad.ts";
import { jet } from "../../ad/jet.ts";
import { jvp } from "../../ad/jvp.ts";
import { laplacian } from "../../ad/laplacian.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, neg, square } from "../../ops/arithmetic.ts";
import { fullLike } from "../../ops/creation.ts";
import { cos, exp, sin, tanh } from "../../ops/functions.ts";
import { definePrimitive as defineBare, RuleSet } from "../../ops/primitive.ts";
import { sum } from "../../ops/reductions.ts";
import { f64, interpret, itemOf, valueOf } from "./values.ts";

const vec = (...v: number[]): Tensor => constant(v, { dtype: "float64" });

describe("definePrimitive", () => {
  it("with eval alone has every transform, from what it is made of", async () => {
    const swish = definePrimitive({ name: "swish", shape: ([x]) => x!.shape, eval: ([x]) => div(x!, add(1, exp(neg(x!)))) });
    const f = (x: Tensor): Tensor => swish([x], {});
    await checkGradsWith(interpret, (x: Tensor) => sin(f(x)), [vec(0.3, -0.7)]);
    expect(valueOf(vmap(f)(vec(1, 2)))).toEqual(valueOf(f(vec(1, 2))));
    expect(itemOf(jet(f, f64(0), [1, null])[1][1]!)).toBeCloseTo(0.5, 15);
    expect(itemOf(laplacian((x) => sum(f(x)), vec(0, 0)))).toBeCloseTo(1, 15);
  });
  it("takes each rule for its transform only", () => {
    const marked = definePrimitive<{ k: number }>({
      name: "marked",
      eval: ([x], { k }) => mul(x!, k),
      jvp: ({ tangents: [dx] }) => [mul(dx!, 10)],
      vjp: ({ cotangents: [ct] }) => [mul(ct!, 100)],
      batch: ({ inputs: [x], params }) => [mul(x!, params.k + 1000)],
      jet: ({ order, outputs }) => [fullLike(outputs[0]!, order)],
    });
    const f = (x: Tensor): Tensor => marked([x], { k: 2 });
    expect(itemOf(f(f64(3)))).toBe(6);
    expect(itemOf(jvp(f, [f64(3)], [1])[1])).toBe(10);
    expect(itemOf(grad(f)(f64(3)))).toBe(100);
    expect(valueOf(vmap(f)(vec(1, 2)))).toEqual([1002, 2004]);
    expect(jet(f, f64(3), [1, null])[1].map(itemOf)).toEqual([1, 2]);
  });
  it("a rule for series is one for tangents, and what the value is made of needs none", () => {
    const bare = defineBare<object>({ name: "bare", type: ([x]) => x!.outputs[0]! });
    const tripled = definePrimitive({
      name: "tripled",
      eval: ([x]) => bare([x!], {}),
      jet: ({ series: [x], order }) => [mul(x![order]!, 3)],
    });
    const f = (x: Tensor): Tensor => tripled([square(x)], {});
    expect(jet(f, f64(2), [1, null])[1].map(itemOf)).toEqual([12, 6]);
    expect(itemOf(jvp(f, [f64(2)], [1])[1])).toBe(12);
    expect(itemOf(grad(f)(f64(2)))).toBe(12);
  });
  it("is linear where it has a transpose and no jvp, and reverse mode takes the transpose", () => {
    const flow = definePrimitive({ name: "flow", eval: ([x]) => mul(x!, 3), transpose: ({ cotangents: [ct] }) => [mul(ct!, 5)] });
    const f = (x: Tensor): Tensor => flow([square(x)], {});
    expect(itemOf(jvp(f, [f64(2)], [1])[1])).toBe(12);
    expect(itemOf(grad(f)(f64(2)))).toBe(20);
    expect(jet(f, f64(2), [1, null, null])[1].map(itemOf)).toEqual([12, 6, 0]);
    expect(valueOf(vmap(grad(f))(vec(2, 3)))).toEqual([20, 30]);
    expect(valueOf(grad((x: Tensor) => sum(vmap(f)(x)))(vec(2, 3)))).toEqual([20, 30]);
  });
  it("with several outputs and one rule for them", async () => {
    const polar = definePrimitive({
      name: "polar",
      eval: ([r, a]) => [mul(r!, sin(a!)), add(r!, a!)],
      vjp: ({ inputs: [r, a], cotangents: [y, z] }) => [
        add(y ? mul(y, sin(a!)) : 0, z ?? 0),
        add(y ? mul(y, mul(r!, cos(a!))) : 0, z ?? 0),
      ],
    });
    const f = (r: Tensor, a: Tensor): Tensor => polar.many([r, a], {}).reduce((p, q) => mul(p, q));
    await checkGradsWith(interpret, f, [vec(0.3, 1), vec(0.7, -1)]);
  });
  it("refuses what cannot be", () => {
    expect(() => definePrimitive({ name: "x" })).toThrow(/definePrimitive: x needs shape.*or eval/);
    expect(() => definePrimitive({ name: "" })).toThrow(/needs a name/);
    expect(() => definePrimitive({ name: "x", eval: ([a]) => a!, lower: () => ({ steps: [], outputs: [] }) })).toThrow(
      /both eval and lower/,
    );
    const lying = definePrimitive({ name: "lying", shape: () => [7], eval: ([a]) => a! });
    expect(() => lying([vec(1)], {})).toThrow(/lying: eval gave float64\[1\], but shape says float64\[7\]/);
    const short = definePrimitive({ name: "short", eval: ([a, b]) => mul(a!, b!), vjp: ({ cotangents }) => [cotangents[0]] });
    expect(() => grad((x: Tensor) => short([x, x], {}))(f64(1))).toThrow(/short: its vjp rule gave 1 cotangents for 2 inputs/);
    const wide = definePrimitive({ name: "wide", eval: ([a]) => mul(a!, 2), vjp: () => [vec(1, 2)] });
    expect(() => grad((x: Tensor) => wide([x], {}))(f64(1))).toThrow(/wide: its vjp rule gave the cotangent.*float64\[2\].*for input 0/);
    expect(() => wide(f64(1) as never, {})).toThrow(
      /wide: its inputs must be a list of tensors, as in wide\(\[x\]\), got constant float64\[\]/,
    );
  });
  it("takes no result of a rule that is of another type: it would be broadcast into a wrong derivative", () => {
    const twice = definePrimitive({
      name: "twice",
      eval: ([x]) => mul(x!, 2),
      jvp: ({ tangents: [dx] }) => [sum(dx!)],
      batch: ({ inputs: [x] }) => [sum(x!)],
      jet: ({ outputs: [y] }) => [sum(y!)],
    });
    const x = vec(1, 2);
    expect(() => jvp((t: Tensor) => twice([t], {}), [x], [x])).toThrow(
      /twice: its jvp rule gave the tangent sum float64\[\] for output 0, float64\[2\]/,
    );
    expect(() => grad((t: Tensor) => sum(twice([t], {})))(x)).toThrow(/twice: its jvp rule gave the tangent/);
    expect(() => jet((t: Tensor) => twice([t], {}), x, [x])).toThrow(
      /twice: its jet rule gave the coefficient sum float64\[\] for output 0/,
    );
    expect(() => vmap((t: Tensor) => twice([t], {}))(x)).toThrow(
      /twice: its batch rule gave float64\[\]; for 2 examples.*must give float64\[2\]/,
    );
    const rules = new RuleSet({
      sin: { jvp: ({ tangents: [dx] }) => [dx!, dx!] },
      neg: { transpose: ({ cotangents: [ct] }) => [sum(ct!)] },
    });
    expect(() => jvp((t: Tensor) => sin(t), [x], [x], { rules })).toThrow(/sin: its jvp rule gave 2 tangents for 1 outputs/);
    expect(() => grad((t: Tensor) => sum(neg(t)), { rules })(x)).toThrow(/neg: its transpose rule gave the cotangent.*for input 0/);
  });
});

describe("rule sets", () => {
  const f = (x: Tensor): Tensor => tanh(x);
  it("override one transform of one primitive: reverse mode here, forward mode not", () => {
    const rules = new RuleSet({ tanh: { vjp: ({ cotangents: [ct] }) => [mul(ct!, 7)] } });
    expect(itemOf(grad(f, { rules })(f64(0)))).toBe(7);
    expect(itemOf(jvp(f, [f64(0)], [1], { rules })[1])).toBe(1);
    expect(itemOf(grad(f)(f64(0)))).toBe(1);
  });
  it("override custom rules by the function's name, and composed primitives without rules", () => {
    const g = customJvp<[Tensor], Tensor>(
      (x) => square(x),
      ([x], [dx]) => mul(dx, x),
      { name: "g" },
    );
    const composed = definePrimitive({ name: "h", eval: ([x]) => square(x!) });
    const h = (x: Tensor): Tensor => composed([x], {});
    const times = (k: number) => ({ jvp: ({ tangents: [dx] }: { tangents: readonly (Tensor | undefined)[] }) => [mul(dx!, k)] });
    const rules = new RuleSet({ g: times(11), h: times(13) });
    expect([grad(g, { rules }), grad(g), grad(h, { rules }), grad(h)].map((d) => itemOf(d(f64(2))))).toEqual([11, 2, 13, 4]);
  });
  it("a series for what has no rules needs the jvp beside it", () => {
    const composed = definePrimitive({ name: "h", eval: ([x]) => square(x!) });
    const h = (x: Tensor): Tensor => composed([x], {});
    const series = { jet: ({ order, outputs }: { order: number; outputs: readonly Tensor[] }) => [fullLike(outputs[0]!, 10 * order)] };
    expect(() => jet(h, f64(1), [1], { rules: new RuleSet({ h: series }) })).toThrow(
      /h: a rule set that gives it a jet rule must give a jvp/,
    );
    const both = new RuleSet({ h: { ...series, jvp: ({ tangents: [dx] }) => [mul(dx!, 10)] } });
    expect(jet(h, f64(1), [1, null], { rules: both })[1].map(itemOf)).toEqual([10, 20]);
  });
  it("override batch and transpose rules too", () => {
    const rules = new RuleSet({
      exp: { batch: ({ inputs: [x] }) => [mul(x!, 2)] },
      neg: { transpose: ({ cotangents: [ct] }) => [mul(ct!, -3)] },
    });
    expect(valueOf(vmap((x: Tensor) => exp(x), { rules })(vec(1, 2)))).toEqual([2, 4]);
    expect(itemOf(grad((x: Tensor) => neg(x), { rules })(f64(1)))).toBe(-3);
  });
});
