/** The Burgers network as a graph. The transforms are applied once, when it is built; a step writes parameters and flushes. */
import {
  add,
  derivatives,
  dim,
  grad,
  jvp,
  matmul,
  mean,
  mul,
  onesLike,
  reshape,
  square,
  stack,
  sub,
  tanh,
  type Tensor,
} from "../../dist/index.js";
import { type Backend, countsOf, newEngine } from "../fluxion.ts";
import { type Pinn, type Problem, viscosity } from "./pinn.ts";

/** u at all points; t and x are vectors. */
export function network(p: readonly Tensor[], t: Tensor, x: Tensor): Tensor {
  let a: Tensor = stack([t, x], -1);
  for (let k = 0; k < p.length; k += 2) {
    a = add(matmul(a, p[k]!), p[k + 1]!);
    if (k + 2 < p.length) a = tanh(a);
  }
  return reshape(a, t.shape);
}

/** The mean squared residual of Burgers' equation, from the derivatives of u. */
const residualLoss = (u: Tensor, ut: Tensor, ux: Tensor, uxx: Tensor): Tensor =>
  mean(square(sub(add(ut, mul(u, ux)), mul(viscosity, uxx))));

/** By jvp in jvp. */
function nestedLoss(p: readonly Tensor[], t: Tensor, x: Tensor): Tensor {
  const u = (s: Tensor, y: Tensor): Tensor => network(p, s, y);
  const ux = (y: Tensor): Tensor => jvp((z: Tensor) => u(t, z), [y], [onesLike(y)])[1];
  const [value, ut] = jvp((s: Tensor) => u(s, x), [t], [onesLike(t)]);
  const [dx, dxx] = jvp(ux, [x], [onesLike(x)]);
  return residualLoss(value, ut, dx, dxx);
}

/** By Taylor mode. */
function jetLoss(p: readonly Tensor[], t: Tensor, x: Tensor): Tensor {
  const { u, u_t, u_x, u_xx } = derivatives((s: Tensor, y: Tensor) => network(p, s, y), { t: 1, x: 2 })(t, x);
  return residualLoss(u, u_t, u_x, u_xx);
}

/** `named`: the number of points is a named dimension, so that it may change. `jet`: derivatives by Taylor mode. */
export async function fluxionPinn({ parameters, t, x }: Problem, backend?: Backend, { named = false, jet = false } = {}): Promise<Pinn> {
  const engine = await newEngine(backend);
  const shape = named ? [dim("points")] : [t.length];
  const [ts, xs] = [engine.variable(t, { shape }), engine.variable(x, { shape })];
  const p = parameters[0].map((v) => engine.variable(v.data, { shape: v.shape }));
  const loss = (jet ? jetLoss : nestedLoss)(p, ts, xs);
  const outputs = [loss, ...grad(loss, p)];
  let i = 0;
  let observed = false;
  // The observer is what makes the graph run: before it, nothing has been computed or compiled.
  const flush = (): Promise<void> => {
    if (!observed) engine.observe(outputs, { lend: true }).subscribe(() => {});
    observed = true;
    return engine.flush();
  };
  return {
    step: () => {
      const next = parameters[++i % 2]!;
      p.forEach((v, k) => v.set(next[k]!.data));
      return flush();
    },
    resize: (newT, newX) => {
      engine.transaction(() => {
        ts.set(newT);
        xs.set(newX);
      });
      return flush();
    },
    outputs: async () => {
      p.forEach((v, k) => v.set(parameters[0][k]!.data));
      return (await engine.read(outputs)).map((v) => v.data);
    },
    counts: () => countsOf(engine),
    dispose: () => engine.dispose(),
  };
}
