/** Every operation on the CPU backend, through the engine's fused plans, gives the bits that the interpreter gives node by node. */
import { expect, it } from "vitest";
import { vjp } from "../../ad/vjp.ts";
import { vmap } from "../../ad/vmap.ts";
import { dtypeInfo, arrayOf } from "../../core/dtype.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { cases } from "./cases.ts";
import { numbers, valuesOf } from "./support.ts";

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
