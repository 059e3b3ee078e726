/** Named partial derivatives and the Laplacian: against closed forms, nested transforms and finite differences. */
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { derivatives } from "../../ad/derivatives.ts";
import { grad } from "../../ad/grad.ts";
import { hessian } from "../../ad/jacobian.ts";
import { jvp } from "../../ad/jvp.ts";
import { laplacian } from "../../ad/laplacian.ts";
import { vmap } from "../../ad/vmap.ts";
import { topological } from "../../core/graph.ts";
import { constant, placeholder } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, div, mul, square, sub } from "../../ops/arithmetic.ts";
import { stack } from "../../ops/concatenate.ts";
import { eye, onesLike } from "../../ops/creation.ts";
import { cos, erf, exp, gelu, log, sigmoid, sin, softplus, sqrt, tanh } from "../../ops/functions.ts";
import { matmul, outer } from "../../ops/matmul.ts";
import { max, mean, prod, sum } from "../../ops/reductions.ts";
import { reshape } from "../../ops/reshape.ts";
import { slogdet } from "../../ops/determinant.ts";
import { solve } from "../../ops/solve.ts";
import { logsumexp } from "../../ops/softmax.ts";
import { Random } from "./cases.ts";
import { interpret, relativeError, valueOf, valuesOf } from "./values.ts";

const f64 = (...v: number[]): Tensor => constant(v, { dtype: "float64" });
const r = new Random(5);
const [t, x, y] = [0, 1, 2].map(() => r.tensor([4], -1, 1)) as [Tensor, Tensor, Tensor];
const numbers = (a: Tensor): number[] => valueOf(a);

describe("derivatives by name", () => {
  const wave = ({ t, x }: { t: Tensor; x: Tensor }): Tensor => mul(exp(mul(t, -0.5)), sin(mul(x, 2)));
  it("of a field in closed form", () => {
    const d = derivatives(wave, { t: 1, x: 3 })({ t, x });
    expect(Object.keys(d)).toEqual(["u", "u_t", "u_x", "u_xx", "u_xxx"]);
    const [ts, xs] = [numbers(t), numbers(x)];
    const expected = (k: number, f: (x: number) => number): number[] => ts.map((s, i) => k * Math.exp(-s / 2) * f(2 * xs[i]!));
    const close = (a: Tensor, b: readonly number[]): void => expect(relativeError(numbers(a), b)).toBeLessThan(1e-15);
    close(d.u, expected(1, Math.sin));
    close(d.u_t, expected(-0.5, Math.sin));
    close(d.u_x, expected(2, Math.cos));
    close(d.u_xx, expected(-4, Math.sin));
    close(d.u_xxx, expected(-8, Math.cos));
  });
  it("mixed ones, by directions between the axes", () => {
    const f = (x: Tensor, y: Tensor): Tensor => mul(sin(mul(x, y)), exp(add(x, mul(y, 2))));
    const d = derivatives(f, { x: 2, y: 2, xy: true, xxy: true, xyy: true, xxyy: true }, { name: "v" })(x, y);
    const by = (g: (x: Tensor, y: Tensor) => Tensor, i: 0 | 1) => (a: Tensor, b: Tensor) =>
      (i === 0 ? jvp((s: Tensor) => g(s, b), [a], [onesLike(a)])[1] : jvp((s: Tensor) => g(a, s), [b], [onesLike(b)])[1]) as Tensor;
    const xy = by(by(f, 0), 1);
    for (const [got, expected] of [
      [d.v_xy, xy],
      [d.v_xxy, by(xy, 0)],
      [d.v_xyy, by(xy, 1)],
      [d.v_xxyy, by(by(xy, 0), 1)],
    ] as const)
      expect(relativeError(numbers(got), numbers(expected(x, y)))).toBeLessThan(1e-13);
  });
  it("of several fields, with what is not differentiated handed through", () => {
    const flow = ({ x, y, p }: { x: Tensor; y: Tensor; p: { k: Tensor } }): { u: Tensor; v: Tensor } => ({
      u: mul(p.k, mul(x, y)),
      v: square(y),
    });
    const d = derivatives(flow, { x: 1, y: 2 })({ x, y, p: { k: f64(3, 3, 3, 3) } });
    expect(Object.keys(d)).toEqual(["u", "v", "u_x", "v_x", "u_y", "v_y", "u_yy", "v_yy"]);
    expect(valuesOf(d.u_x, d.v_x, d.v_yy, d.u_yy)).toEqual([numbers(mul(y, 3)), [0, 0, 0, 0], [2, 2, 2, 2], [0, 0, 0, 0]]);
  });
  it("are graph: gradients by parameters are what finite differences say", async () => {
    const residual = (w: Tensor): Tensor => {
      const d = derivatives((t: Tensor, x: Tensor) => tanh(add(mul(t, w), mul(x, square(w)))), { t: 1, x: 2, tx: true })(t, x);
      return mean(square(sub(add(d.u_t, mul(d.u, d.u_x)), add(d.u_xx, d.u_tx))));
    };
    await checkGradsWith(interpret, residual, [constant([0.3, 0.7, -0.5, 1.1], { dtype: "float64" })]);
  });
  it("and nest: inside vmap, and of one another", () => {
    const d = (a: Tensor): Tensor => derivatives((x: Tensor) => sin(mul(x, a)), { x: 2 })(x).u_xx;
    const many = valueOf(vmap(d)(f64(1, 2)) as Tensor);
    expect(many).toEqual([...numbers(d(f64(1, 1, 1, 1))), ...numbers(d(f64(2, 2, 2, 2)))]);
    const twice = derivatives((x: Tensor) => derivatives((z: Tensor) => sin(z), { z: 2 })(x).u_zz, { x: 2 })(x);
    expect(relativeError(numbers(twice.u_xx), numbers(sin(x)))).toBeLessThan(1e-15);
  });
  it("refuses what it cannot name, by name", () => {
    const f = (x: Tensor): Tensor => x;
    expect(() => derivatives(f, { x: 1.5 })).toThrow(/derivatives: the order by x must be a non-negative integer.*1.5/);
    expect(() => derivatives(f, { x: 1, xy: true })).toThrow(/derivatives: xy is not a row of the variables x/);
    expect(() => derivatives(f, { a: 1, aa: 1, aaa: true })).toThrow(/more than one way/);
    expect(() => derivatives(f, { x: 1, y: 1 })({ x })).toThrow(/derivatives: the variable y must be a tensor of points, got nothing/);
    expect(() => derivatives((a: Tensor) => [a, a], { x: 1 })(x)).toThrow(/must return a tensor or an object of tensors/);
    expect(() => derivatives(f, { x: 1 })(constant([1], { dtype: "int32" }))).toThrow(/int32.*float/s);
  });
});

describe("the Laplacian", () => {
  const D = 3;
  const w = [r.tensor([D, 5]), r.tensor([5, 4]), r.tensor([4])];
  const functions: Record<string, (x: Tensor) => Tensor> = {
    "sum of squares": (z) => sum(square(z)),
    product: (z) => prod(z),
    "log of the radius": (z) => log(sum(square(z))),
    network: (z) => matmul(tanh(matmul(tanh(matmul(z, w[0]!)), w[1]!)), w[2]!) as Tensor,
    "other activations": (z) => sum(sigmoid(matmul(gelu(matmul(softplus(z), w[0]!)), w[1]!))),
    "quotients and roots": (z) => div(sqrt(add(1, sum(square(z)))), add(2, sum(erf(z)))),
    "piecewise and reductions": (z) => add(mul(max(z), max(z)), logsumexp(mul(z, sin(z)))),
    "a solution of equations": (z) => sum(mul(z, solve(add(mul(eye(D, D, 0, { dtype: "float64" }), 4), outer(z, sin(z))), z))),
    "a determinant": (z) => slogdet(add(mul(eye(D, D, 0, { dtype: "float64" }), 4), outer(z, cos(z)))).logabsdet,
    linear: (z) => sum(matmul(z, w[0]!)),
  };
  it.each(Object.entries(functions))("of %s is the trace of the Hessian, value and gradient", (_, f) => {
    const z = r.tensor([D], 0.2, 1.2);
    const trace = (at: Tensor): Tensor =>
      sum(mul(hessian(f)(at) as Tensor, constant([1, 0, 0, 0, 1, 0, 0, 0, 1], { dtype: "float64", shape: [3, 3] })));
    const [a, b, da, db] = valuesOf(
      laplacian(f, z) as Tensor,
      trace(z),
      grad((at: Tensor) => laplacian(f, at) as Tensor)(z) as Tensor,
      grad(trace)(z) as Tensor,
    );
    const scale = (v: readonly number[]): number => Math.max(1, ...v.map(Math.abs));
    a!.forEach((v, i) => expect(Math.abs(v - b![i]!)).toBeLessThan(1e-12 * scale(b!)));
    da!.forEach((v, i) => expect(Math.abs(v - db![i]!)).toBeLessThan(1e-11 * scale(db!)));
  });
  it("is 0 where 1/r is harmonic", () => {
    const [at] = valuesOf(laplacian((z: Tensor) => div(1, sqrt(sum(square(z)))), f64(0.3, -0.4, 1.2)) as Tensor);
    expect(Math.abs(at![0]!)).toBeLessThan(1e-14);
  });
  it("of a batch is that of each row, and the same as vmap gives", () => {
    const points = r.tensor([6, D]);
    const rows = laplacian((z: Tensor) => functions.network!(z), points, { axis: -1 }) as Tensor;
    const mapped = vmap((z: Tensor) => laplacian(functions.network!, z))(points) as Tensor;
    expect(rows.shape).toEqual([6]);
    expect(relativeError(valueOf(rows), valueOf(mapped))).toBeLessThan(1e-14);
  });
  it("over all elements of a matrix when no axis is given, and over some of them", () => {
    const z = r.tensor([2, 3]);
    const f = (a: Tensor): Tensor =>
      sum(
        mul(
          mul(a, a),
          constant(
            [
              [1, 2, 3],
              [4, 5, 6],
            ],
            { dtype: "float64" },
          ),
        ),
      );
    expect(valueOf(laplacian(f, z) as Tensor)).toEqual([42]);
    expect(valueOf(laplacian((a: Tensor) => sum(square(a), { axis: 1 }), z, { axis: 1 }) as Tensor)).toEqual([6, 6]);
  });
  it("sums on the way up: second-order terms go through a layer once, not once for each dimension", () => {
    const wide = placeholder([32, 16], "float64");
    const [w1, w2] = [placeholder([16, 8], "float64"), placeholder([8, 4], "float64")];
    const l = laplacian((z: Tensor) => tanh(matmul(tanh(matmul(z, w1)), w2)), wide, { axis: -1 }) as Tensor;
    const rows = topological([l]).flatMap((t) => (t.primitive.name === "matmul" ? [t.inputs[0]!.shape[1]] : []));
    // Of each layer: values, the 16 tangents as one product, and (from the second on) one sum.
    expect(rows.sort()).toEqual([32, 32, 32, 512, 512].sort());
  });
  it("refuses a tree of arguments and integers", () => {
    expect(() => laplacian((z: Tensor) => z, { a: f64(1), b: f64(1) } as unknown as Tensor)).toThrow(
      /laplacian: is taken by one tensor, got 2/,
    );
    expect(() => laplacian((z: Tensor) => z, constant([1], { dtype: "int32" }))).toThrow(/laplacian.*int32/s);
    expect(() => laplacian((z: Tensor) => z, f64(1), { axis: 2 })).toThrow(/laplacian: axis 2 is out of range/);
  });
});

it("a Burgers residual by derivatives has the numbers of nested jvp, in fewer nodes", () => {
  const sizes = [2, 20, 20, 1];
  const params = sizes.slice(1).map((n, i) => ({ w: r.tensor([sizes[i]!, n], -0.5, 0.5), b: r.tensor([n], -0.1, 0.1) }));
  const network = (s: Tensor, z: Tensor): Tensor => {
    let a: Tensor = stack([s, z], -1);
    params.forEach(({ w, b }, k) => {
      a = add(matmul(a, w), b);
      if (k < params.length - 1) a = tanh(a);
    });
    return reshape(a, s.shape);
  };
  const ux = (z: Tensor): Tensor => jvp((q: Tensor) => network(t, q), [z], [onesLike(z)])[1] as Tensor;
  const nested = [
    network(t, x),
    jvp((s: Tensor) => network(s, x), [t], [onesLike(t)])[1],
    ux(x),
    jvp(ux, [x], [onesLike(x)])[1],
  ] as Tensor[];
  const d = derivatives(network, { t: 1, x: 2 })(t, x);
  const jets = [d.u, d.u_t, d.u_x, d.u_xx];
  const [a, b] = [valuesOf(...jets), valuesOf(...nested)];
  expect(a.slice(0, 3)).toEqual(b.slice(0, 3));
  expect(relativeError(a[3]!, b[3]!)).toBeLessThan(1e-14);
  expect(topological(jets).length).toBeLessThan(topological(nested).length);
});
