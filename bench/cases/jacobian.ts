/**
 * The Jacobian of a Burgers network's residuals by its parameters, in float64, as Gauss-Newton and Levenberg-Marquardt need it: 2,780 points,
 * 921 parameters (2-20-20-20-1). Rows are gradients of one residual each, mapped over the points. Timed beside it: J and J^T J.
 */
import {
  concatenate,
  derivatives,
  grad,
  matmul,
  mean,
  mul,
  add,
  reshape,
  square,
  sub,
  type Tensor,
  transpose,
  vmap,
} from "../../dist/index.js";
import { burgersLoss } from "../../test/ad/burgers-loop.ts";
import { type Case, type Contestant, type Numbers, uniform } from "../case.ts";
import { type Backend, countsOf, newEngine } from "../fluxion.ts";
import { parametersOf } from "../network.ts";
import { viscosity } from "./pinn.ts";
import { network } from "./pinn-fluxion.ts";

const widths = [2, 20, 20, 20, 1];
const points = 2780;
const parameters = [parametersOf(widths, 51), parametersOf(widths, 52)] as const;
const [t, x] = [uniform(points, 0, 1, 61), uniform(points, -1, 1, 62)];

/** J^T J from the gradients of single squared residuals: that of r^2 is 2 r dr. */
function reference(): Numbers[] {
  const [p] = parameters;
  const layers = widths.slice(1).map((outputs, k) => ({
    w: Float64Array.from(p[2 * k]!.data),
    b: Float64Array.from(p[2 * k + 1]!.data),
    inputs: widths[k]!,
    outputs,
  }));
  const size = p.reduce((n, { data }) => n + data.length, 0);
  const product = new Float64Array(size * size);
  for (let i = 0; i < points; i++) {
    const { loss, gradient } = burgersLoss(layers, Float64Array.of(t[i]!, x[i]!), viscosity);
    const row = Float64Array.from(gradient.flatMap((g) => [...g]));
    for (let a = 0; a < size; a++) {
      const scaled = row[a]! / (4 * loss);
      for (let b = 0; b <= a; b++) product[a * size + b]! += scaled * row[b]!;
    }
  }
  for (let a = 0; a < size; a++) for (let b = a + 1; b < size; b++) product[a * size + b] = product[b * size + a]!;
  return [product];
}

async function jacobian(backend?: Backend): Promise<Contestant> {
  const engine = await newEngine(backend);
  const [ts, xs] = [engine.variable(t, { dtype: "float64" }), engine.variable(x, { dtype: "float64" })];
  const p = parameters[0].map((v) => engine.variable(v.data, { shape: v.shape, dtype: "float64" }));
  const residuals = (q: readonly Tensor[], s: Tensor, y: Tensor): Tensor => {
    const { u, u_t, u_x, u_xx } = derivatives((a: Tensor, b: Tensor) => network(q, a, b), { t: 1, x: 2 })(s, y);
    return sub(add(u_t, mul(u, u_x)), mul(viscosity, u_xx));
  };
  const argnums = p.map((_, i) => i);
  const row = (s: Tensor, y: Tensor): Tensor[] => grad((...q: Tensor[]) => residuals(q, s, y), { argnums })(...p) as Tensor[];
  const blocks = vmap(row)(ts, xs) as Tensor[];
  const j: Tensor = concatenate(
    blocks.map((g) => reshape(g, [points, -1])),
    1,
  );
  const product = matmul(transpose(j), j);
  const loss = mean(square(residuals(p, ts, xs)));
  const gradient = [loss, ...grad(loss, p)];

  let i = 0;
  let shown: { readonly wanted: unknown; stop(): void } | undefined;
  /** One set of results is observed at a time, so that a step does nothing else. */
  const stepOf = (wanted: readonly Tensor[]) => (): Promise<void> => {
    if (shown?.wanted !== wanted) {
      shown?.stop();
      const watched = engine.observe(wanted, { lend: true }).subscribe(() => {});
      shown = { wanted, stop: () => watched.unsubscribe() };
    }
    const next = parameters[++i % 2]!;
    p.forEach((v, k) => v.set(next[k]!.data));
    return engine.flush();
  };
  const [alone, both, scalar] = [[j], [j, product], gradient].map(stepOf) as [Contestant["step"], Contestant["step"], Contestant["step"]];
  return {
    step: alone,
    also: { "J and J^T J": both },
    outputs: async () => {
      p.forEach((v, k) => v.set(parameters[0][k]!.data));
      return [(await engine.read(product)).data];
    },
    counts: async () => {
      await scalar();
      const gradientKernels = engine.stats.lastFlush.kernels;
      await alone();
      return { ...countsOf(engine), gradientKernels };
    },
    dispose: () => engine.dispose(),
  };
}

export const jacobianCases: readonly Case[] = [
  {
    name: "pinn-jacobian",
    unit: "ms",
    // PyTorch's results travel in float32.
    tolerance: 1e-6,
    reference,
    fluxion: jacobian,
    peers: {},
    torch: {
      work: "jacobian",
      inputs: [{ shape: [points], data: t }, { shape: [points], data: x }, ...parameters[0]],
    },
    note: "float64; also the Jacobian with J^T J",
  },
];
