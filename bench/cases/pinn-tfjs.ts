/**
 * The Burgers network in TensorFlow.js, with u_t, u_x and u_xx carried through the layers by hand. The derivatives of the inputs are rows of
 * the first weights, and are broadcast only where the network needs them.
 */
import type { Floats } from "../case.ts";
import { loadTfjs, type Scalar, type Tensor2D, type TfTensor } from "../peers/tfjs.ts";
import { type Pinn, type Problem, viscosity } from "./pinn.ts";

export async function tfjsPinn({ parameters, t, x }: Problem): Promise<Pinn> {
  const tf = await loadTfjs();
  const inputs = (s: Floats, y: Floats): Tensor2D => tf.tidy(() => tf.stack([tf.tensor1d(s), tf.tensor1d(y)], 1) as Tensor2D);
  let points = inputs(t, x);

  const loss = (...p: TfTensor[]): Scalar => {
    const weight = (k: number): Tensor2D => p[2 * k] as Tensor2D;
    const layers = p.length / 2;
    let a: Tensor2D = points;
    let [at, ax, axx] = [points, points, points];
    for (let k = 0; k < layers; k++) {
      const through = (v: Tensor2D): Tensor2D => tf.matMul(v, weight(k));
      const z = tf.fused.matMul({ a, b: weight(k), bias: p[2 * k + 1]! }) as Tensor2D;
      const zt = k === 0 ? tf.slice2d(weight(0), [0, 0], [1, -1]) : through(at);
      const zx = k === 0 ? tf.slice2d(weight(0), [1, 0], [1, -1]) : through(ax);
      const zxx = k === 0 ? undefined : through(axx);
      if (k === layers - 1) {
        const residual = tf.sub(tf.add(zt, tf.mul(z, zx)), tf.mul(zxx!, viscosity));
        return tf.mean(tf.square(residual));
      }
      a = tf.tanh(z);
      const slope = tf.sub(1, tf.square(a));
      at = tf.mul(slope, zt);
      ax = tf.mul(slope, zx);
      const curve = tf.mul(tf.mul(tf.mul(a, -2), ax), zx);
      axx = (zxx ? tf.add(tf.mul(slope, zxx), curve) : curve) as Tensor2D;
    }
    throw new Error("a network has layers");
  };

  const sets = parameters.map((set) => set.map(({ data, shape }) => tf.tensor(data, [...shape])));
  const f = tf.valueAndGrads(loss);
  let i = 0;
  const step = (): void => {
    const { value, grads } = f(sets[++i % 2]!);
    tf.dispose([value, ...grads]);
  };
  return {
    step,
    resize: (newT, newX) => {
      points.dispose();
      points = inputs(newT, newX);
      step();
    },
    outputs: () => {
      const { value, grads } = f(sets[0]!);
      return [value, ...grads].map((v) => v.dataSync());
    },
  };
}
