/**
 * A 2-64-64-1 tanh network on a batch of 1,024: the value and gradient of its mean squared error when all parameters change, and a step of
 * Adam. Parameters are on the peers' side from the start; fluxion is given them anew with every step, as a user would.
 */
import { add, grad, matmul, mean, type State, square, sqrt, sub, tanh, type Tensor, tensor } from "../../dist/index.js";
import { type Case, type Contestant, type Floats, type Numbers, uniform } from "../case.ts";
import { type Backend, countsOf, newEngine } from "../fluxion.ts";
import { meanSquaredError, parametersOf } from "../network.ts";
import { type JaxArray, loadJax } from "../peers/jax.ts";
import { loadTfjs, type Scalar, type Tensor2D, type TfTensor } from "../peers/tfjs.ts";

const widths = [2, 64, 64, 1];
const batch = 1024;
const layers = widths.length - 1;
const points = uniform(2 * batch, -1, 1, 5);
const targets = Float32Array.from({ length: batch }, (_, i) => Math.sin(3 * points[2 * i]!) * Math.cos(2 * points[2 * i + 1]!));
const parameters = parametersOf(widths, 11);
const others = parametersOf(widths, 12);

const adam = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
/** Steps of Adam after which parameters are compared. */
const compared = 10;

// ---- fluxion

function loss(p: readonly Tensor[], x: Tensor, y: Tensor): Tensor {
  let a = x;
  for (let k = 0; k < layers; k++) {
    a = add(matmul(a, p[2 * k]!), p[2 * k + 1]!);
    if (k < layers - 1) a = tanh(a);
  }
  return mean(square(sub(a, y)));
}

const inputs = (): [Tensor, Tensor] => [tensor(points, { shape: [batch, 2] }), tensor(targets, { shape: [batch, 1] })];

async function fluxionGradient(backend: Backend): Promise<Contestant> {
  const engine = await newEngine(backend);
  const p = parameters.map(({ data, shape }) => engine.variable(data, { shape }));
  const value = loss(p, ...inputs());
  const outputs = [value, ...grad(value, p)];
  engine.observe(outputs, { lend: true }).subscribe(() => {});
  let i = 0;
  return {
    outputs: async () => (await engine.read(outputs)).map((v) => v.data),
    step: () => {
      const next = i++ % 2 === 0 ? others : parameters;
      p.forEach((v, k) => v.set(next[k]!.data));
      return engine.flush();
    },
    counts: () => countsOf(engine),
    dispose: () => engine.dispose(),
  };
}

async function fluxionAdam(backend: Backend): Promise<Contestant> {
  const engine = await newEngine(backend);
  const register = (data: Floats, shape: readonly number[]): State => engine.state(data, { shape });
  const p = parameters.map(({ data, shape }) => register(data, shape));
  const gradient = grad(loss(p, ...inputs()), p);
  const decay = [engine.state(adam.beta1), engine.state(adam.beta2)] as const;
  decay[0].next = decay[0].mul(adam.beta1);
  decay[1].next = decay[1].mul(adam.beta2);
  p.forEach((w, k) => {
    const { data, shape } = parameters[k]!;
    const [m, v] = [register(new Float32Array(data.length), shape), register(new Float32Array(data.length), shape)];
    const g = gradient[k]!;
    const nextM = m.mul(adam.beta1).add(g.mul(1 - adam.beta1));
    const nextV = v.mul(adam.beta2).add(square(g).mul(1 - adam.beta2));
    const direction = nextM.div(sub(1, decay[0])).div(sqrt(nextV.div(sub(1, decay[1]))).add(adam.epsilon));
    m.next = nextM;
    v.next = nextV;
    w.next = w.sub(direction.mul(adam.rate));
  });
  const step = (): Promise<void> => {
    engine.tick();
    return engine.flush();
  };
  return {
    step,
    outputs: async () => {
      for (let i = 0; i < compared; i++) await step();
      return (await engine.read(p)).map((v) => v.data);
    },
    counts: () => countsOf(engine),
    dispose: () => engine.dispose(),
  };
}

// ---- jax-js

async function jaxJs() {
  const jax = await loadJax();
  const { numpy: np, tree } = jax;
  const array = (data: Floats, shape: readonly number[]): JaxArray => np.array(data, { shape: [...shape] });
  const mse = (p: JaxArray[], x: JaxArray, y: JaxArray): JaxArray => {
    let a = x;
    for (let k = 0; k < layers; k++) {
      a = np.matmul(a, p[2 * k]!).add(p[2 * k + 1]!);
      if (k < layers - 1) a = np.tanh(a);
    }
    return np.mean(np.square(a.sub(y)));
  };
  const [x, y] = [array(points, [batch, 2]), array(targets, [batch, 1])];
  return { jax, np, tree, array, mse, x, y };
}

async function jaxGradient(): Promise<Contestant> {
  const { jax, tree, array, mse, x, y } = await jaxJs();
  const sets = [parameters, others].map((set) => set.map(({ data, shape }) => array(data, shape)));
  const f = jax.jit(jax.valueAndGrad(mse));
  let i = 0;
  return {
    outputs: () => {
      const [value, gradient] = f(tree.ref(sets[0]!), x.ref, y.ref);
      return [value, ...gradient].map((v) => v.dataSync());
    },
    step: async () => {
      const results = f(tree.ref(sets[++i % 2]!), x.ref, y.ref);
      await jax.blockUntilReady(results);
      tree.dispose(results as never);
    },
  };
}

async function jaxAdam(): Promise<Contestant> {
  const { jax, np, tree, array, mse, x, y } = await jaxJs();
  const gradient = jax.grad(mse);
  const f = jax.jit((p: JaxArray[], m: JaxArray[], v: JaxArray[], decay: JaxArray[], at: JaxArray, to: JaxArray) => {
    const g = gradient(tree.ref(p), at, to);
    const nextM = m.map((mk, k) => mk.mul(adam.beta1).add(g[k]!.ref.mul(1 - adam.beta1)));
    const nextV = v.map((vk, k) => vk.mul(adam.beta2).add(np.square(g[k]!).mul(1 - adam.beta2)));
    const nextP = p.map((pk, k) => {
      const scale = np.sqrt(nextV[k]!.ref.div(decay[1]!.ref.neg().add(1))).add(adam.epsilon);
      return pk.sub(nextM[k]!.ref.div(decay[0]!.ref.neg().add(1)).div(scale).mul(adam.rate));
    });
    return [nextP, nextM, nextV, [decay[0]!.mul(adam.beta1), decay[1]!.mul(adam.beta2)]];
  });
  const zeros = (): JaxArray[] => parameters.map(({ shape }) => np.zeros([...shape]));
  let state = [parameters.map(({ data, shape }) => array(data, shape)), zeros(), zeros(), [np.array(adam.beta1), np.array(adam.beta2)]];
  const step = async (): Promise<void> => {
    state = f(state[0]!, state[1]!, state[2]!, state[3]!, x.ref, y.ref) as JaxArray[][];
    await jax.blockUntilReady(state);
  };
  return {
    step,
    outputs: async () => {
      for (let i = 0; i < compared; i++) await step();
      return state[0]!.map((v) => v.ref.dataSync());
    },
  };
}

// ---- TensorFlow.js

async function tfjs() {
  const tf = await loadTfjs();
  const [x, y] = [tf.tensor2d(points, [batch, 2]), tf.tensor2d(targets, [batch, 1])];
  // The bias is fused into the product; of activations, only linear has a fused gradient.
  const mse = (...p: TfTensor[]): Scalar => {
    let a: TfTensor = x;
    for (let k = 0; k < layers; k++) {
      a = tf.fused.matMul({ a: a as Tensor2D, b: p[2 * k] as Tensor2D, bias: p[2 * k + 1]! });
      if (k < layers - 1) a = tf.tanh(a);
    }
    return tf.mean(tf.squaredDifference(a, y));
  };
  return { tf, mse };
}

async function tfjsGradient(): Promise<Contestant> {
  const { tf, mse } = await tfjs();
  const sets = [parameters, others].map((set) => set.map(({ data, shape }) => tf.tensor(data, [...shape])));
  const f = tf.valueAndGrads(mse);
  let i = 0;
  return {
    outputs: () => {
      const { value, grads } = f(sets[0]!);
      return [value, ...grads].map((v) => v.dataSync());
    },
    step: () => {
      const { value, grads } = f(sets[++i % 2]!);
      tf.dispose([value, ...grads]);
    },
  };
}

async function tfjsAdam(): Promise<Contestant> {
  const { tf, mse } = await tfjs();
  const p = parameters.map(({ data, shape }) => tf.variable(tf.tensor(data, [...shape])));
  const optimizer = tf.train.adam(adam.rate, adam.beta1, adam.beta2, adam.epsilon);
  const step = (): void => void optimizer.minimize(() => mse(...p), false, p);
  return {
    step,
    outputs: () => {
      for (let i = 0; i < compared; i++) step();
      return p.map((v) => v.dataSync());
    },
  };
}

// ---- the reference

function referenceGradient(): Numbers[] {
  const { loss: value, gradient } = meanSquaredError(
    parameters.map((p) => p.data),
    widths,
    points,
    targets,
  );
  return [[value], ...gradient];
}

function referenceAdam(): Numbers[] {
  const p = parameters.map(({ data }) => Float64Array.from(data));
  const m = p.map((w) => new Float64Array(w.length));
  const v = p.map((w) => new Float64Array(w.length));
  for (let t = 1; t <= compared; t++) {
    const { gradient } = meanSquaredError(p, widths, points, targets);
    p.forEach((w, k) =>
      w.forEach((_, i) => {
        const g = gradient[k]![i]!;
        m[k]![i] = adam.beta1 * m[k]![i]! + (1 - adam.beta1) * g;
        v[k]![i] = adam.beta2 * v[k]![i]! + (1 - adam.beta2) * g * g;
        w[i]! -= (adam.rate * m[k]![i]!) / (1 - adam.beta1 ** t) / (Math.sqrt(v[k]![i]! / (1 - adam.beta2 ** t)) + adam.epsilon);
      }),
    );
  }
  return p;
}

const torchInputs = [
  { shape: [batch, 2], data: points },
  { shape: [batch, 1], data: targets },
  ...parameters.map(({ shape, data }) => ({ shape, data })),
];

export const mlpCases: readonly Case[] = [
  {
    name: "mlp-1024",
    unit: "ms",
    tolerance: 1e-5,
    reference: referenceGradient,
    fluxion: fluxionGradient,
    peers: { "jax-js": jaxGradient, tfjs: tfjsGradient },
    torch: { work: "mlp", inputs: torchInputs },
  },
  {
    name: "adam-step-1024",
    unit: "ms",
    tolerance: 1e-5,
    reference: referenceAdam,
    fluxion: fluxionAdam,
    peers: { "jax-js": jaxAdam, tfjs: tfjsAdam },
    torch: { work: "adam", inputs: torchInputs },
  },
];
