/** Activations, losses and layers: values by their definitions, far out and at kinks, and against published PyTorch numbers. */
import "../../ops/methods.ts";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { vmap } from "../../ad/vmap.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import * as a from "../../ops/activations.ts";
import { softplus } from "../../ops/functions.ts";
import { attention, dropout, layerNorm, rmsNorm } from "../../ops/layers.ts";
import { binaryCrossEntropy, crossEntropy } from "../../ops/losses.ts";
import { random } from "../../ops/random.ts";
import { numbers, numbersOf } from "./support.ts";

const f64 = (...v: number[]): Tensor => constant(Float64Array.from(v));
const close = (got: readonly number[], expected: readonly number[], tolerance = 1e-14): void => {
  expect(got.length).toBe(expected.length);
  got.forEach((g, i) =>
    expect(Math.abs(g - expected[i]!), `${i}: ${g}, expected ${expected[i]}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(expected[i]!)),
    ),
  );
};
const { exp, log, log1p, expm1, tanh } = Math;
const sp = (x: number): number => Math.max(x, 0) + log1p(exp(-Math.abs(x)));

describe("activations", () => {
  const x = [-1000, -3, -1, -0.25, 0, 0.25, 1, 3, 1000];
  const definitions: Record<string, [(x: Tensor) => Tensor, (x: number) => number]> = {
    elu: [(t) => a.elu(t, 1.5), (v) => (v > 0 ? v : 1.5 * expm1(v))],
    celu: [(t) => a.celu(t, 2), (v) => Math.max(0, v) + Math.min(0, 2 * expm1(v / 2))],
    selu: [a.selu, (v) => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * expm1(v))],
    mish: [a.mish, (v) => v * tanh(sp(v))],
    logSigmoid: [a.logSigmoid, (v) => -sp(-v)],
    softsign: [a.softsign, (v) => v / (1 + Math.abs(v))],
    tanhshrink: [a.tanhshrink, (v) => v - tanh(v)],
    leakyRelu: [a.leakyRelu, (v) => (v > 0 ? v : 0.01 * v)],
    hardtanh: [(t) => a.hardtanh(t, -2, 0.5), (v) => Math.min(Math.max(v, -2), 0.5)],
    relu6: [a.relu6, (v) => Math.min(Math.max(v, 0), 6)],
    hardsigmoid: [a.hardsigmoid, (v) => Math.min(Math.max(v + 3, 0), 6) / 6],
    hardswish: [a.hardswish, (v) => (v * Math.min(Math.max(v + 3, 0), 6)) / 6],
    hardshrink: [a.hardshrink, (v) => (Math.abs(v) > 0.5 ? v : 0)],
    softshrink: [a.softshrink, (v) => (v > 0.5 ? v - 0.5 : v < -0.5 ? v + 0.5 : 0)],
    threshold: [(t) => a.threshold(t, 0.25, 7), (v) => (v > 0.25 ? v : 7)],
    softplus: [(t) => softplus(t, { beta: 3 }), (v) => sp(3 * v) / 3],
  };
  it.each(Object.entries(definitions))("%s is its definition, and its derivative is finite everywhere", (_, [f, definition]) => {
    close(numbersOf(f(f64(...x))), x.map(definition));
    const slopes = numbersOf(grad((t: Tensor) => f(t).sum())(f64(...x)) as Tensor);
    slopes.forEach((s, i) => {
      expect(Number.isFinite(s)).toBe(true);
      const [v, h] = [x[i]!, 1e-6];
      const [up, down] = [(definition(v + h) - definition(v)) / h, (definition(v) - definition(v - h)) / h];
      // At a kink of a limit the convention is 0; elsewhere both sides agree.
      if (Math.abs(up - down) < 1e-3) expect(Math.abs(s - (up + down) / 2)).toBeLessThan(1e-5 * (1 + Math.abs(v)));
    });
  });
  it("at 0 take the side that holds x = 0", () => {
    const at0 = (f: (x: Tensor) => Tensor): number => numbersOf(grad((t: Tensor) => f(t).sum())(f64(0)) as Tensor)[0]!;
    expect([at0((t) => a.elu(t, 0.5)), at0(a.leakyRelu), at0((t) => a.prelu(t, f64(0.3))), at0(a.relu6)]).toEqual([0.5, 0.01, 0.3, 0]);
  });
  it("prelu broadcasts its slopes, glu gates the first half", () => {
    expect(numbersOf(a.prelu(f64(-2, -2, 3), f64(0.5, 0.25, 9)))).toEqual([-1, -0.5, 3]);
    expect(numbersOf(a.glu(f64(1, 2, 0, 1000)))).toEqual([0.5, 2]);
  });
});

describe("crossEntropy", () => {
  const logits = [0.3, -1.2, 2.5, 1000, 0, -1000];
  const x = f64(...logits).reshape([2, 3]);
  const nll = (row: number, label: number): number => {
    const r = logits.slice(3 * row, 3 * row + 3);
    const top = Math.max(...r);
    return top + log(r.reduce((s, v) => s + exp(v - top), 0)) - r[label]!;
  };
  it("of labels is minus the log-probability, without overflow", () => {
    const labels = constant([1, 2], { dtype: "int32" });
    close(numbersOf(crossEntropy(x, labels, { reduction: "none" })), [nll(0, 1), 2000]);
    close(numbersOf(crossEntropy(x, labels)), [(nll(0, 1) + 2000) / 2]);
    close(numbersOf(crossEntropy(x.T, labels, { axis: 0, reduction: "sum" })), [nll(0, 1) + 2000]);
    close(numbersOf(crossEntropy(f64(1, 2), 1)), [log(1 + exp(-1))]);
  });
  it("smooths labels evenly, and takes probabilities", () => {
    const smooth = 0.7 * nll(0, 1) + 0.3 * ((nll(0, 0) + nll(0, 1) + nll(0, 2)) / 3);
    const row = x.slice([0], [1]);
    close(numbersOf(crossEntropy(row, constant([1], { dtype: "int32" }), { labelSmoothing: 0.3 })), [smooth]);
    close(numbersOf(crossEntropy(row, f64(0.1, 0.8, 0.1).reshape([1, 3]), { labelSmoothing: 0.3 })), [
      0.7 * (0.1 * nll(0, 0) + 0.8 * nll(0, 1) + 0.1 * nll(0, 2)) + 0.1 * (nll(0, 0) + nll(0, 1) + nll(0, 2)),
    ]);
  });
  it("has the gradient softmax - label, and NaN for a label that is no class", () => {
    const g = numbersOf(grad((t: Tensor) => crossEntropy(t, 0))(f64(0, 0)) as Tensor);
    close(g, [-0.5, 0.5]);
    expect(numbersOf(crossEntropy(f64(1, 2).reshape([1, 2]), constant([7], { dtype: "int32" }).add(0)))).toEqual([NaN]);
  });
  it("of two classes keeps small losses", () => {
    const losses = numbersOf(binaryCrossEntropy(f64(50, -50, 0, 800), f64(1, 0, 0.5, 0), { reduction: "none" }));
    close([losses[0]! / exp(-50), losses[1]! / exp(-50), losses[2]!, losses[3]!], [1, 1, Math.LN2, 800]);
  });
});

describe("normalization", () => {
  it("layerNorm has mean 0 and variance 1 up to eps; rmsNorm has mean square 1", () => {
    const x = numbers([2, 5], { seed: 3 });
    const rows = [x.data.slice(0, 5), x.data.slice(5)];
    const mean = (v: readonly number[]): number => v.reduce((s, w) => s + w, 0) / v.length;
    const expected = rows.flatMap((r) => r.map((v) => (v - mean(r)) / Math.sqrt(mean(r.map((w) => (w - mean(r)) ** 2)) + 1e-5)));
    close(numbersOf(layerNorm(x.tensor)), expected);
    const square = rows.flatMap((r) => r.map((v) => (3 * v) / Math.sqrt(mean(r.map((w) => w * w)) + 0.5) + 1));
    close(numbersOf(rmsNorm(x.tensor, { eps: 0.5, scale: 3, bias: 1 })), square);
    // A constant row: no division by 0, no NaN in the derivative.
    expect(numbersOf(grad((t: Tensor) => layerNorm(t).mul(t).sum())(f64(2, 2, 2)) as Tensor)).toEqual([0, 0, 0]);
  });
});

describe("dropout", () => {
  const key = random.key(1);
  it("keeps the mean, is the same for the same key, and masks its derivative", () => {
    const x = constant(new Float64Array(10_000).fill(1));
    const y = numbersOf(dropout(key, x, 0.25));
    const kept = y.filter((v) => v !== 0);
    expect(new Set(kept)).toEqual(new Set([1 / 0.75]));
    expect(Math.abs(kept.length - 7500)).toBeLessThan(200);
    expect(numbersOf(grad((t: Tensor) => dropout(key, t, 0.25).sum())(x) as Tensor)).toEqual(y);
    expect(dropout(key, x, 0)).toBe(x);
    expect(new Set(numbersOf(dropout(key, x, 1)))).toEqual(new Set([0]));
  });
  it("under vmap with keys of their own, examples differ", () => {
    const x = constant(new Float64Array(60).fill(1), { shape: [3, 20] });
    const rows = numbersOf(vmap((k: Tensor, t: Tensor) => dropout(k, t, 0.5))(random.keys(key, 3), x));
    expect(rows.slice(0, 20)).not.toEqual(rows.slice(20, 40));
  });
});

describe("attention", () => {
  const q = numbers([2, 3, 4], { seed: 5 });
  const k = numbers([2, 5, 4], { seed: 6 });
  const v = numbers([2, 5, 2], { seed: 7 });
  /** By loops: which keys a query sees is given. */
  const byHand = (sees: (i: number, j: number) => boolean, scale = 0.5): number[] =>
    [0, 1].flatMap((b) =>
      [0, 1, 2].flatMap((i) => {
        const scores = [0, 1, 2, 3, 4].map((j) =>
          sees(i, j) ? exp(scale * [0, 1, 2, 3].reduce((s, c) => s + q.data[(b * 3 + i) * 4 + c]! * k.data[(b * 5 + j) * 4 + c]!, 0)) : 0,
        );
        const total = scores.reduce((s, w) => s + w, 0) || 1;
        return [0, 1].map((c) => scores.reduce((s, w, j) => s + (w / total) * v.data[(b * 5 + j) * 2 + c]!, 0));
      }),
    );
  it("is the softmax of scaled products, over visible keys", () => {
    close(
      numbersOf(attention(q.tensor, k.tensor, v.tensor)),
      byHand(() => true),
    );
    close(
      numbersOf(attention(q.tensor, k.tensor, v.tensor, { scale: 2 })),
      byHand(() => true, 2),
      1e-12,
    );
    close(
      numbersOf(attention(q.tensor, k.tensor, v.tensor, { causal: true })),
      byHand((i, j) => j <= i),
    );
    const mask = constant([
      [true, false, true, true, false],
      [false, false, false, false, false],
      [false, true, true, true, true],
    ]);
    close(
      numbersOf(attention(q.tensor, k.tensor, v.tensor, { mask })),
      byHand(
        (i, j) =>
          [
            [1, 0, 1, 1, 0],
            [0, 0, 0, 0, 0],
            [0, 1, 1, 1, 1],
          ][i]![j]! > 0,
      ),
    );
    const bias = f64(0, -Infinity, 0, 0, -Infinity);
    close(
      numbersOf(attention(q.tensor, k.tensor, v.tensor, { mask: bias })),
      byHand((_, j) => j !== 1 && j !== 4),
    );
  });
  it("has finite derivatives where a query sees nothing", () => {
    const mask = constant([[false, false, false, false, false]]);
    const g = numbersOf(grad((t: Tensor) => attention(t, k.tensor, v.tensor, { mask }).sum())(q.tensor) as Tensor);
    expect(new Set(g.map(Math.abs))).toEqual(new Set([0]));
  });
});

describe("bad input", () => {
  const x = constant([[1, 2, 3]]).named("x");
  const labels = constant([0], { dtype: "int32" });
  it.each([
    [() => a.elu(x, "1" as never), /elu: alpha must be a number, got "1"/],
    [() => a.hardshrink(x, -1), /hardshrink: lambda must be a number of at least 0, got -1/],
    [() => a.hardtanh(x, 1, -1), /hardtanh: the bounds must be ordered, got 1 and -1/],
    [() => a.glu(x), /glu: axis 1 of .*"x".* has 3 elements, which do not divide into halves/],
    [() => softplus(x, { beta: 0 }), /softplus: beta must be positive, got 0/],
    [() => crossEntropy(x, x.T), /crossEntropy: for logits .*"x".* the labels must be integers \[1\], or probabilities \[1, 3\], got/],
    [() => crossEntropy(x, labels, { reduction: "avg" as never }), /crossEntropy: reduction must be "mean", "sum" or "none", got "avg"/],
    [() => crossEntropy(x, labels, { labelSmoothing: 2 }), /crossEntropy: labelSmoothing must be from 0 to 1, got 2/],
    [() => binaryCrossEntropy(x, constant([1, 0])), /binaryCrossEntropy: logits .* and targets .* do not broadcast/],
    [() => layerNorm(x, { eps: -1 }), /layerNorm: eps must not be negative, got -1/],
    [() => layerNorm(x, { axis: 2 }), /layerNorm: axis 2 is out of range/],
    [() => dropout(random.key(0), x, 1.5), /dropout: the rate must be from 0 to 1, got 1\.5/],
    [() => attention(x, constant([[1, 2]]), x), /attention: queries .* and keys .* differ in their last axis/],
    [() => attention(x, x, constant([[1], [2]])), /attention: there must be as many values as keys/],
    [() => attention(x, x, x, { mask: constant([[true], [false]]) }), /attention: the mask .* does not broadcast to the scores \[1, 1\]/],
  ])("%s", (f, message) => expect(f).toThrow(message));
});
