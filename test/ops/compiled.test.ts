/** Every operation on the CPU backend, through the engine's fused plans, gives the bits that the interpreter gives node by node. */
import "../../ops/methods.ts";
import { expect, it } from "vitest";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { dtypeInfo, arrayOf } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { eye, oneHot } from "../../ops/creation.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { scatterAdd } from "../../ops/indexing.ts";
import { matmul } from "../../ops/matmul.ts";
import { random } from "../../ops/random.ts";
import { all, any, argmax, argmin, max, prod, sum } from "../../ops/reductions.ts";
import { argsort } from "../../ops/sort.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { cases as ownCases } from "./cases.ts";
import { familyCases } from "./family-cases.ts";
import { numbers, valuesOf } from "./support.ts";

const cases = [...ownCases, ...familyCases];

it("what has no derivative: random numbers, positions, logic, integers", async () => {
  const engine = await createEngine({ backend: cpu() });
  const key = random.key(5);
  const x = numbers([40, 7], { low: -3, high: 3, dtype: "int32" }).tensor;
  const wide = numbers([3, 300]).tensor;
  const shape = [50, 3];
  const roots = [
    ...(["float32", "float64"] as const).flatMap((dtype) => [random.normal(key, shape, { dtype }), random.uniform(key, shape, { dtype })]),
    random.bernoulli(key, 0.3, shape),
    random.randint(key, shape, -5, 9),
    random.permutation(key, 20),
    random.permutation(key, wide),
    vmap((k: Tensor) => random.normal(k, [4]))(random.keys(key, 5)),
    ...[0, 1, undefined].flatMap((axis) => [
      argmax(x, axis),
      argmin(x, axis),
      all(x, axis),
      any(x, axis),
      sum(x, axis),
      prod(x, axis),
      max(x, axis),
    ]),
    argsort(x, 0),
    cumsum(x, 0),
    cumsum(wide, 1),
    sum(wide, 1),
    oneHot(x, 3),
    eye(4, 5, 1, { dtype: "bool" }),
    matmul(x, x.T),
    scatterAdd(x, [0, 0, 3], x.slice([0], [3])),
  ] as Tensor[];
  const expected = valuesOf(roots);
  (await engine.read(roots)).forEach((v, i) => expect([...v.data], roots[i]!.describe()).toEqual([...expected[i]!.data]));
  await engine.dispose();
});

for (const dtype of ["float32", "float64"] as const)
  it(`${dtype}: values, cotangents and batches`, async () => {
    const engine = await createEngine({ backend: cpu() });
    const roots: Tensor[] = [];
    const names: string[] = [];
    for (const { name, f, shapes, domain } of cases) {
      const x = shapes.map((shape, i) => numbers(shape, { seed: 7 + i, low: domain?.[0] ?? -2, high: domain?.[1] ?? 2, dtype }));
      const stacked = shapes.map((shape, i) =>
        numbers([9, ...shape], { seed: 70 + i, low: domain?.[0] ?? -2, high: domain?.[1] ?? 2, dtype }),
      );
      const tensors = x.map((t) => constant(arrayOf(dtypeInfo(dtype).storage).from(t.data), { shape: [...t.shape] }));
      const y = f(...tensors);
      roots.push(y, ...vjp(f, tensors)[1](y), vmap(f)(...stacked.map((t) => t.tensor)));
      while (names.length < roots.length) names.push(name);
    }
    const expected = valuesOf(roots);
    const got = await engine.read(roots);
    got.forEach((v, i) => {
      expect(v.shape, names[i]).toEqual(expected[i]!.shape);
      expect([...v.data], names[i]).toEqual([...expected[i]!.data]);
    });
    await engine.dispose();
  });
