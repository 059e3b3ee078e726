/**
 * Reading and adding at computed positions: each is the transpose of the other in its data, so they stand together.
 * What lies outside reads as 0, and is dropped when added.
 *
 *   gather      x [b, o, n, i], indices [b, m]                   -> [b, o, m, i]
 *   scatterAdd  x [b, o, n, i], indices [b, m], u [b, o, m, i]   -> [b, o, n, i]
 */
import { type Dim, mulDims } from "../core/dim.ts";
import { dtypeInfo } from "../core/dtype.ts";
import { scalar } from "../core/leaves.ts";
import type { Tensor } from "../core/tensor.ts";
import * as e from "../kernel/expr.ts";
import { body, scatterAddKernel } from "../kernel/kernel.ts";
import { loop, outputView, packed } from "../kernel/lowering.ts";
import { batchAlong, broadcastLast } from "./broadcast.ts";
import { definePrimitive, type PrimitiveFunction } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import { permute } from "./transpose.ts";

type Dims4 = readonly [Dim, Dim, Dim, Dim];

/** [size, b, o, n, i] -> [b, size o, n, i]: examples that share their indices are outer rows. */
const intoOuter = (t: Tensor, size: Dim): Tensor => {
  const [b, o, n, i] = t.shape.slice(1) as unknown as Dims4;
  return reshape(permute(t, [1, 0, 2, 3, 4]), [b, mulDims(size, o), n, i]);
};
const outOfOuter = (t: Tensor, size: Dim, o: Dim): Tensor => {
  const [b, , m, i] = t.shape as unknown as Dims4;
  return permute(reshape(t, [b, size, o, m, i]), [1, 0, 2, 3, 4]);
};
/** [size, b, ...] -> [size b, ...]: examples with indices of their own are batches. */
const intoBatch = (t: Tensor, size: Dim): Tensor => reshape(t, [mulDims(size, t.shape[1]!), ...t.shape.slice(2)]);
const outOfBatch = (t: Tensor, size: Dim, b: Dim): Tensor => reshape(t, [size, b, ...t.shape.slice(1)]);

export const gatherPrimitive: PrimitiveFunction<object> = definePrimitive<object>({
  name: "gather",
  complex: "parts",
  type: ([x, indices]) => {
    const [b, o, , i] = x!.shape as unknown as Dims4;
    return { shape: [b, o, indices!.shape[1]!, i], dtype: x!.dtype };
  },
  jvp: ({ inputs, tangents }) => [gatherPrimitive([tangents[0]!, inputs[1]!], {})],
  transpose: ({ inputs: [x, indices], cotangents: [ct] }) => [
    scatterAddPrimitive([broadcastLast(scalar(0, x!.dtype), x!.shape), indices!, ct!], {}),
    undefined,
  ],
  batch: ({ inputs: [x, indices], batched, size }) => {
    const shape = x!.shape.slice(-4) as unknown as Dims4;
    if (!batched[1]) return [outOfOuter(gatherPrimitive([intoOuter(x!, size), indices!], {}), size, shape[1])];
    if (batched[0]) return [outOfBatch(gatherPrimitive([intoBatch(x!, size), intoBatch(indices!, size)], {}), size, shape[0])];
    // Indices alone differ: one longer list of them.
    const [b, m] = indices!.shape.slice(1) as [Dim, Dim];
    const all = gatherPrimitive([x!, reshape(permute(indices!, [1, 0, 2]), [b, mulDims(size, m)])], {});
    return [permute(reshape(all, [b, shape[1], size, m, shape[3]]), [2, 0, 1, 3, 4])];
  },
  lower: ({ inputs: [x, indices], outputTypes: [type] }) => {
    const output = outputView(type!);
    const { storage } = output.slot;
    const { shape } = type!;
    const [sb, so, sn, si] = x!.strides as unknown as Dims4;
    const uniforms = [sb, so, sn, si, x!.shape[2]!];
    const term = (axis: number, k: number): e.Expr => e.mul(e.index(axis), e.uniform(k));
    const row = e.read(1, "i32");
    const inside = e.and(e.ge(row, e.constant("i32", 0)), e.lt(row, e.uniform(4)));
    const position = e.add(e.add(term(0, 0), term(1, 1)), e.add(e.mul(row, e.uniform(2)), term(3, 3)));
    const step = loop({
      shape,
      body: body([storage, "i32"], [e.at(0, storage, position, inside)]),
      reads: [
        { ...x!, shape, strides: [0, 0, 0, 0] },
        { ...indices!, shape, strides: [indices!.strides[0]!, 0, indices!.strides[1]!, 0] },
      ],
      writes: [output],
      uniforms,
    });
    return { steps: [step], outputs: [output] };
  },
});

export const scatterAddPrimitive: PrimitiveFunction<object> = definePrimitive<object>({
  name: "scatterAdd",
  complex: "parts",
  type: ([x]) => {
    if (x!.dtype === "bool") throw new Error(`scatterAdd: needs numbers, got ${x!.describe()}`);
    return { shape: x!.shape, dtype: x!.dtype };
  },
  jvp: ({ inputs: [x, indices], tangents: [dx, , du] }) => {
    if (!du) return [dx];
    return [scatterAddPrimitive([dx ?? broadcastLast(scalar(0, x!.dtype), x!.shape), indices!, du], {})];
  },
  transpose: ({ inputs: [, indices], linear, cotangents: [ct] }) => [
    linear[0] ? ct : undefined,
    undefined,
    linear[2] ? gatherPrimitive([ct!, indices!], {}) : undefined,
  ],
  batch: ({ inputs, batched, size }) => {
    const [b, o] = inputs[0]!.shape.slice(-4) as unknown as Dims4;
    const full = (k: number): Tensor => (batched[k] ? inputs[k]! : batchAlong(inputs[k]!, size));
    if (!batched[1])
      return [outOfOuter(scatterAddPrimitive([intoOuter(full(0), size), inputs[1]!, intoOuter(full(2), size)], {}), size, o)];
    return [
      outOfBatch(
        scatterAddPrimitive(
          [0, 1, 2].map((k) => intoBatch(full(k), size)),
          {},
        ),
        size,
        b,
      ),
    ];
  },
  lower: ({ inputs, outputTypes: [type] }) => {
    const output = outputView(type!);
    const packs = inputs.map(packed);
    const [b, o, n, i] = type!.shape as unknown as Dims4;
    const kernel = scatterAddKernel(dtypeInfo(type!.dtype).storage);
    const sizes = [b, o, n, i, inputs[1]!.shape[1]!];
    return {
      steps: [...packs.flatMap((p) => p.steps), { kernel, sizes, reads: packs.map((p) => p.view), writes: [output], uniforms: [] }],
      outputs: [output],
    };
  },
});

/** What this file defines, for table.ts. */
export const primitives = [gatherPrimitive.primitive, scatterAddPrimitive.primitive];
