/** The Burgers network in jax-js: one jitted function for the loss and its gradient. Operations consume their arguments; `.ref` keeps one. */
import { type JaxArray, loadJax } from "../peers/jax.ts";
import { type Pinn, type Problem, viscosity } from "./pinn.ts";

export async function jaxPinn({ parameters, t, x }: Problem): Promise<Pinn> {
  const jax = await loadJax();
  const { jvp, numpy: np, tree } = jax;

  const network = (p: JaxArray[], s: JaxArray, y: JaxArray): JaxArray => {
    const { shape } = s;
    let a = np.stack([s, y], -1);
    for (let k = 0; k < p.length; k += 2) {
      a = np.matmul(a, p[k]!).add(p[k + 1]!);
      if (k + 2 < p.length) a = np.tanh(a);
    }
    return a.reshape(shape);
  };
  const loss = (p: JaxArray[], ts: JaxArray, xs: JaxArray): JaxArray => {
    const ones = (): JaxArray => np.ones(ts.shape);
    const ux = (y: JaxArray): JaxArray => {
      const [u, dx] = jvp((z: JaxArray) => network(tree.ref(p), ts.ref, z), [y], [ones()]);
      u.dispose();
      return dx;
    };
    const [u, ut] = jvp((s: JaxArray) => network(tree.ref(p), s, xs.ref), [ts.ref], [ones()]);
    const [dx, dxx] = jvp(ux, [xs.ref], [ones()]);
    tree.dispose([p, ts, xs] as never);
    return np.mean(np.square(ut.add(u.mul(dx)).sub(dxx.mul(viscosity))));
  };

  const f = jax.jit(jax.valueAndGrad(loss));
  const sets = parameters.map((set) => set.map(({ data, shape }) => np.array(data, { shape: [...shape] })));
  let points = [np.array(t), np.array(x)] as const;
  let i = 0;
  const run = (k: number) => f(tree.ref(sets[k]!), points[0].ref, points[1].ref);
  const step = async (): Promise<void> => {
    const results = run(++i % 2);
    await jax.blockUntilReady(results);
    tree.dispose(results as never);
  };
  return {
    step,
    resize: (newT, newX) => {
      tree.dispose([...points] as never);
      points = [np.array(newT), np.array(newX)];
      return step();
    },
    outputs: () => {
      const [value, gradient] = run(0);
      return [value, ...gradient].map((v) => v.dataSync());
    },
  };
}
