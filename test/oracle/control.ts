/** What loops and branches compute: their bodies, evaluated as graphs of their own, one step after another, slice by slice. */
import type { Dim } from "../../core/dim.ts";
import { arrayOf, dtypeInfo, type TypedArray } from "../../core/dtype.ts";
import type { Primitive } from "../../core/primitive.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type ScanParams, scanPrimitive } from "../../ad/control/scan.ts";
import { type SwitchParams, switchPrimitive } from "../../ad/control/switch.ts";
import { type WhileParams, whilePrimitive } from "../../ad/control/while.ts";
import type { Numbers } from "./evaluate.ts";

/** Evaluates the results of a body for values of its parameters. */
export type Run = (results: readonly Tensor[], values: ReadonlyMap<Tensor, TypedArray>) => Numbers[];
type Control<P> = (params: P, inputs: readonly Numbers[], run: Run, sizeOf: (d: Dim) => number) => TypedArray[];

const bind = (parameters: readonly Tensor[], values: readonly TypedArray[]): Map<Tensor, TypedArray> =>
  new Map(parameters.map((t, i) => [t, values[i]!]));
const dataOf = (numbers: readonly Numbers[]): TypedArray[] => numbers.map((n) => n.data);
const elements = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const scan: Control<ScanParams> = (p, inputs, run, sizeOf) => {
  const length = sizeOf(p.length);
  const consts = dataOf(inputs.slice(0, p.consts));
  let carry = dataOf(inputs.slice(p.consts, p.consts + p.carries));
  const xs = inputs.slice(p.consts + p.carries);
  const kept = [...p.results.slice(p.carries), ...p.results.slice(0, p.carries)].map((t) => {
    const count = elements(t.shape.map(sizeOf));
    return { count, all: new (arrayOf(dtypeInfo(t.dtype).storage))(count * length) };
  });
  for (let step = 0; step < length; step++) {
    const at = p.reverse ? length - 1 - step : step;
    const slices = xs.map(({ data, shape }) => {
      const count = elements(shape.slice(1));
      return data.slice(at * count, (at + 1) * count);
    });
    const before = carry;
    const results = dataOf(run(p.results, bind(p.parameters, [...consts, ...carry, ...slices])));
    carry = results.slice(0, p.carries);
    [...results.slice(p.carries), ...before].forEach((data, i) => kept[i]!.all.set(data, at * kept[i]!.count));
  }
  return [...carry, ...kept.map((k) => k.all)];
};

const loop: Control<WhileParams> = (p, inputs, run) => {
  const consts = dataOf(inputs.slice(0, p.consts));
  for (let carry = dataOf(inputs.slice(p.consts)); ; ) {
    const values = bind(p.parameters, [...consts, ...carry]);
    if (!run(p.results.slice(0, 1), values)[0]!.data[0]) return carry;
    carry = dataOf(run(p.results.slice(1), values));
  }
};

const choice: Control<SwitchParams> = (p, [index, ...operands], run) => {
  const chosen = Math.max(0, Math.min(index!.data[0]!, p.cases.length - 1));
  return dataOf(run(p.cases[chosen]!, bind(p.parameters, dataOf(operands))));
};

export const controls: ReadonlyMap<Primitive, Control<never>> = new Map<Primitive, Control<never>>([
  [scanPrimitive, scan],
  [whilePrimitive, loop],
  [switchPrimitive, choice],
]);
