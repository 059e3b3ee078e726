/**
 * Networks as fields: functions of points, with parameters as a tree. A network says what its parameters begin with, and computes its outputs from tensors
 * of coordinates, all of one shape: many points or a single one.
 */
import { constant } from "../core/leaves.ts";
import type { Tensor } from "../core/tensor.ts";
import { add, div, mul, sub } from "../ops/arithmetic.ts";
import { concatenate, stack } from "../ops/concatenate.ts";
import { cos, gelu, sigmoid, silu, sin, softplus, tanh } from "../ops/functions.ts";
import { matmul } from "../ops/matmul.ts";
import { sliceAxis } from "../ops/pad.ts";
import { reshape } from "../ops/reshape.ts";
import { type Initializer, type InitializerName, initializerOf, randomFrom, uniformWeights } from "./initializers.ts";

export interface Weights {
  readonly data: Float64Array;
  readonly shape: readonly number[];
}
export interface LayerNumbers {
  readonly w: Weights;
  readonly b: Weights;
}
export interface LayerTensors {
  readonly w: Tensor;
  readonly b: Tensor;
}

export interface Network<Numbers = any, Params = any> {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** The numbers that its parameters begin with. */
  init(seed?: number): Numbers;
  /** The outputs, each of the coordinates' shape. */
  apply(params: Params, coordinates: readonly Tensor[]): Tensor[];
}

const activations = { tanh, sin, sigmoid, silu, gelu, softplus } as const;
export type ActivationName = keyof typeof activations;

export interface MlpOptions {
  readonly inputs: number;
  readonly outputs?: number;
  /** The widths of the hidden layers (default four of 20). */
  readonly widths?: readonly number[];
  /** Default "tanh". */
  readonly activation?: ActivationName | ((x: Tensor) => Tensor);
  /** Default "glorotNormal". */
  readonly initializer?: InitializerName | Initializer;
  /** For each coordinate where it goes from and to: the network sees -1 to 1. */
  readonly bounds?: readonly (readonly [number, number])[] | undefined;
}

function checkNetwork(name: string, { inputs, outputs = 1, widths = [], bounds }: MlpOptions): void {
  for (const [what, n] of [["inputs", inputs], ["outputs", outputs], ...widths.map((w) => ["a width", w] as const)] as const)
    if (!Number.isInteger(n) || n < 1) throw new Error(`${name}: ${what} must be a positive whole number, got ${String(n)}`);
  if (bounds && bounds.length !== inputs) throw new Error(`${name}: has ${inputs} inputs, but bounds for ${bounds.length}`);
}

function activationOf(given: ActivationName | ((x: Tensor) => Tensor)): (x: Tensor) => Tensor {
  if (typeof given === "function") return given;
  if (!Object.hasOwn(activations, given))
    throw new Error(`network: there is no activation "${String(given)}"; there are ${Object.keys(activations).join(", ")}`);
  return activations[given] as (x: Tensor) => Tensor;
}

const layer = ({ w, b }: LayerTensors, x: Tensor): Tensor => add(matmul(x, w), b) as Tensor;

const layerNumbers = (into: number, out: number, initializer: Initializer, random: () => number): LayerNumbers => ({
  w: { data: initializer(into, out, random), shape: [into, out] },
  b: { data: new Float64Array(out), shape: [out] },
});

/** The coordinates side by side, as the last axis, scaled to [-1, 1] where bounds are known. */
function sideBySide(name: string, { inputs, bounds }: MlpOptions, coordinates: readonly Tensor[]): Tensor {
  if (coordinates.length !== inputs) throw new Error(`${name}: takes ${inputs} coordinates, got ${coordinates.length}`);
  const scaled = coordinates.map((x, i) => {
    if (!bounds) return x;
    const [low, high] = bounds[i]!;
    return sub(div(mul(2, sub(x, low)), high - low), 1) as Tensor;
  });
  return stack(scaled, -1) as Tensor;
}

/** The outputs one by one. */
function apart(y: Tensor): Tensor[] {
  const last = y.rank - 1;
  return Array.from({ length: y.shape[last] as number }, (_, i) => reshape(sliceAxis(y, last, i, i + 1), y.shape.slice(0, -1)) as Tensor);
}

/** The last layer's values, of rows of inputs. */
const through = (params: readonly LayerTensors[], x: Tensor, act: (x: Tensor) => Tensor): Tensor =>
  layer(
    params.at(-1)!,
    params.slice(0, -1).reduce((h, p) => act(layer(p, h)), x),
  );

/** A multilayer perceptron. */
export function mlp(options: MlpOptions): Network<readonly LayerNumbers[], readonly LayerTensors[]> {
  checkNetwork("mlp", options);
  const { inputs, outputs = 1, widths = [20, 20, 20, 20], activation = "tanh", initializer = "glorotNormal" } = options;
  const act = activationOf(activation);
  const sizes = [inputs, ...widths, outputs];
  return {
    name: "mlp",
    inputs,
    outputs,
    init: (seed = 0) => {
      const { uniform } = randomFrom(seed);
      return sizes.slice(1).map((out, k) => layerNumbers(sizes[k]!, out, initializerOf(initializer), uniform));
    },
    apply: (params, coordinates) => apart(through(params, sideBySide("mlp", options, coordinates), act)),
  };
}

export interface SirenOptions extends Omit<MlpOptions, "activation" | "initializer"> {
  /** The frequency of the first layer, and of the others (default 30). */
  readonly frequency?: number;
}

/** Sines as activations, with the weights of Sitzmann et al. (arXiv:2006.09661): the first layer uniform in 1/n, the others in sqrt(6/n)/frequency. */
export function siren({ frequency = 30, ...options }: SirenOptions): Network<readonly LayerNumbers[], readonly LayerTensors[]> {
  checkNetwork("siren", options);
  const hidden = mlp({
    ...options,
    activation: (x) => sin(mul(frequency, x)) as Tensor,
    initializer: uniformWeights((into) => Math.sqrt(6 / into) / frequency),
  });
  return {
    ...hidden,
    name: "siren",
    init: (seed = 0) => {
      const [first, ...rest] = hidden.init(seed);
      const wider = (1 / options.inputs) * (frequency / Math.sqrt(6 / options.inputs));
      return [{ ...first!, w: { ...first!.w, data: first!.w.data.map((v) => v * wider) } }, ...rest];
    },
  };
}

export interface FourierOptions extends MlpOptions {
  /** How many random frequencies (default 32): there are twice as many features. */
  readonly features?: number;
  /** Their standard deviation (default 1): how fast the field may vary. */
  readonly scale?: number;
  /** Of the frequencies, which are not trained. */
  readonly seed?: number;
}

/** A perceptron of cosines and sines of random frequencies of the coordinates (Tancik et al., arXiv:2006.10739). */
export function fourierFeatures({
  features = 32,
  scale = 1,
  seed = 0,
  ...options
}: FourierOptions): Network<readonly LayerNumbers[], readonly LayerTensors[]> {
  checkNetwork("fourierFeatures", options);
  const { normal } = randomFrom(seed);
  const frequencies = Float64Array.from({ length: options.inputs * features }, () => 2 * Math.PI * scale * normal());
  const act = activationOf(options.activation ?? "tanh");
  return {
    ...mlp({ ...options, bounds: undefined, inputs: 2 * features }),
    name: "fourierFeatures",
    inputs: options.inputs,
    apply: (params, coordinates) => {
      const x = sideBySide("fourierFeatures", options, coordinates);
      const angles = matmul(x, constant(frequencies, { shape: [options.inputs, features], dtype: x.dtype as "float64" })) as Tensor;
      const waves = concatenate([cos(angles), sin(angles)] as Tensor[], angles.rank - 1) as Tensor;
      return apart(through(params, waves, act));
    },
  };
}

/** The layers of a modified perceptron, and the two that its hidden layers mix. */
export interface ModifiedMlp<L> {
  readonly gates: readonly [L, L];
  readonly layers: readonly L[];
}

/** A perceptron whose hidden layers mix two embeddings of the coordinates (Wang, Teng and Perdikaris, arXiv:2001.04536). All hidden layers are equally wide. */
export function modifiedMlp(options: MlpOptions): Network<ModifiedMlp<LayerNumbers>, ModifiedMlp<LayerTensors>> {
  checkNetwork("modifiedMlp", options);
  const { inputs, outputs = 1, widths = [20, 20, 20, 20], activation = "tanh", initializer = "glorotNormal" } = options;
  if (widths.some((w) => w !== widths[0])) throw new Error(`modifiedMlp: hidden layers must be equally wide, got ${widths.join(", ")}`);
  const act = activationOf(activation);
  const sizes = [inputs, ...widths, outputs];
  return {
    name: "modifiedMlp",
    inputs,
    outputs,
    init: (seed = 0) => {
      const { uniform } = randomFrom(seed);
      const make = (into: number, out: number): LayerNumbers => layerNumbers(into, out, initializerOf(initializer), uniform);
      return { gates: [make(inputs, widths[0]!), make(inputs, widths[0]!)], layers: sizes.slice(1).map((out, k) => make(sizes[k]!, out)) };
    },
    apply: ({ gates, layers }, coordinates) => {
      const x = sideBySide("modifiedMlp", options, coordinates);
      const [u, v] = gates.map((g) => act(layer(g, x))) as [Tensor, Tensor];
      const mixed = layers.slice(0, -1).reduce((h, p) => {
        const z = act(layer(p, h));
        return add(mul(sub(1, z), u), mul(z, v)) as Tensor;
      }, x);
      return apart(layer(layers.at(-1)!, mixed));
    },
  };
}
