/**
 * Single operations and one fused chain on resident arrays. What changes between steps is a number that scales the first operand: the work of
 * a slider. Peers do the plain operation, without that product. `write` times a change of the whole operand instead.
 */
import { exp, matmul, mul, neg, sin, sum, tanh, type Tensor, transpose } from "../../dist/index.js";
import { type Case, type Contestant, type Floats, type Numbers, type TorchWork, uniform } from "../case.ts";
import { type Backend, countsOf, newEngine } from "../fluxion.ts";
import { type JaxArray, loadJax } from "../peers/jax.ts";
import { loadTfjs, type Tensor2D, type TfTensor } from "../peers/tfjs.ts";

interface Operation {
  readonly name: string;
  readonly tolerance: number;
  /** The operands: [shape, data]. */
  readonly operands: readonly (readonly [readonly number[], Floats])[];
  readonly torch: string;
  reference(): Numbers;
  fluxion(operands: readonly Tensor[]): Tensor;
  jax(jax: Awaited<ReturnType<typeof loadJax>>): (...operands: JaxArray[]) => JaxArray;
  tfjs(tf: Awaited<ReturnType<typeof loadTfjs>>): (...operands: TfTensor[]) => TfTensor;
}

const length = 2 ** 20;
const x = uniform(length, -4, 4, 3);
const positive = uniform(length, 0, 1, 4);

/** A product of [n, n] matrices, the left one perhaps transposed. */
function product(n: number, transposed = false): Operation {
  const [a, b] = [uniform(n * n, -1, 1, 1), uniform(n * n, -1, 1, 2)];
  const [rowStride, columnStride] = transposed ? [1, n] : [n, 1];
  return {
    name: `matmul-${n}${transposed ? "-tn" : ""}`,
    tolerance: 1e-5,
    operands: [
      [[n, n], a],
      [[n, n], b],
    ],
    torch: transposed ? "matmul_tn" : "matmul",
    reference: () => {
      const out = new Float64Array(n * n);
      for (let i = 0; i < n; i++)
        for (let k = 0; k < n; k++) {
          const v = a[i * rowStride + k * columnStride]!;
          for (let j = 0; j < n; j++) out[i * n + j]! += v * b[k * n + j]!;
        }
      return out;
    },
    fluxion: ([l, r]) => matmul(transposed ? transpose(l!) : l!, r!),
    jax: ({ jit, numpy }) => jit((l: JaxArray, r: JaxArray) => numpy.matmul(transposed ? l.transpose() : l, r)),
    tfjs: (tf) => (l, r) => tf.matMul(l as Tensor2D, r as Tensor2D, transposed, false),
  };
}

const vector = [[[length], x] as const];

const operations: readonly Operation[] = [
  product(512),
  product(512, true),
  {
    name: "chain-1M",
    tolerance: 1e-6,
    operands: vector,
    torch: "chain",
    reference: () => Float64Array.from(x, (v) => Math.sin(v) * Math.exp(-v * v) + v / 2),
    fluxion: ([v]) =>
      sin(v!)
        .mul(exp(neg(mul(v!, v!))))
        .add(v!.mul(0.5)),
    jax: ({ jit, numpy }) =>
      jit((v: JaxArray) =>
        numpy
          .sin(v.ref)
          .mul(numpy.exp(v.ref.mul(v.ref).neg()))
          .add(v.mul(0.5)),
      ),
    tfjs: (tf) => (v) => tf.tidy(() => tf.add(tf.mul(tf.sin(v!), tf.exp(tf.neg(tf.square(v!)))), tf.mul(v!, 0.5))),
  },
  {
    name: "tanh-1M",
    tolerance: 1e-6,
    operands: vector,
    torch: "tanh",
    reference: () => Float64Array.from(x, Math.tanh),
    fluxion: ([v]) => tanh(v!),
    jax: ({ jit, numpy }) => jit((v: JaxArray) => numpy.tanh(v)),
    tfjs: (tf) => (v) => tf.tanh(v!),
  },
  {
    name: "sum-1M",
    // What a peer that adds one by one in float32 loses.
    tolerance: 1e-4,
    operands: [[[length], positive]],
    torch: "sum",
    reference: () => [positive.reduce((total, v) => total + v, 0)],
    fluxion: ([v]) => sum(v!),
    jax: ({ jit, numpy }) => jit((v: JaxArray) => numpy.sum(v)),
    tfjs: (tf) => (v) => tf.sum(v!),
  },
];

async function fluxion({ operands, fluxion: f }: Operation, backend: Backend): Promise<Contestant> {
  const engine = await newEngine(backend);
  const [first, ...rest] = operands.map(([shape, data]) => engine.variable(data, { shape }));
  const scale = engine.variable(1);
  const y = f([first!.mul(scale), ...rest]);
  engine.observe(y, { lend: true }).subscribe(() => {});
  const other = operands[0]![1].map((v) => v / 2);
  let i = 0;
  return {
    outputs: async () => [(await engine.read(y)).data],
    step: () => {
      scale.set(i++ % 2 === 0 ? 0.5 : 1);
      return engine.flush();
    },
    also: {
      write: () => {
        first!.set(i++ % 2 === 0 ? other : operands[0]![1]);
        return engine.flush();
      },
    },
    counts: () => countsOf(engine),
    dispose: () => engine.dispose(),
  };
}

async function jaxJs({ operands, jax: build }: Operation): Promise<Contestant> {
  const jax = await loadJax();
  const f = build(jax);
  const arrays = operands.map(([shape, data]) => jax.numpy.array(data, { shape: [...shape] }));
  const run = (): JaxArray => f(...arrays.map((v) => v.ref));
  return {
    outputs: () => [run().dataSync()],
    step: async () => {
      const y = run();
      await y.blockUntilReady();
      y.dispose();
    },
    dispose: () => arrays.forEach((v) => v.dispose()),
  };
}

async function tfjs({ operands, tfjs: build }: Operation): Promise<Contestant> {
  const tf = await loadTfjs();
  const f = build(tf);
  const arrays = operands.map(([shape, data]) => tf.tensor(data, [...shape]));
  return {
    outputs: () => {
      const y = f(...arrays);
      const data = y.dataSync();
      y.dispose();
      return [data];
    },
    step: () => f(...arrays).dispose(),
    dispose: () => tf.dispose(arrays),
  };
}

const caseOf = (operation: Operation): Case => ({
  name: operation.name,
  unit: "ms",
  tolerance: operation.tolerance,
  reference: () => [operation.reference()],
  fluxion: (backend) => fluxion(operation, backend),
  peers: { "jax-js": () => jaxJs(operation), tfjs: () => tfjs(operation) },
  torch: { work: operation.torch, inputs: operation.operands.map(([shape, data]) => ({ shape, data })) } satisfies TorchWork,
});

export const matmulCase = (n: number): Case => caseOf(product(n));
export const arrayCases: readonly Case[] = operations.map(caseOf);
