/** Every operation and its gradient reach the other half whole: parameters, dimensions and constants arrive as what they were. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { isFloat } from "../../core/dtype.ts";
import type { ConstantParams } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Value } from "../../core/value.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { sum } from "../../ops/reductions.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";
import { connect, type RemoteEngine } from "../../worker/remote.ts";
import { Random } from "../ad/cases.ts";
import { controlCases } from "../ad/control-cases.ts";
import { cases } from "../ops/cases.ts";
import { familyCases } from "../ops/family-cases.ts";
import { numbers } from "../ops/support.ts";
import { channelHere } from "./channels.ts";

let remote: RemoteEngine;
let local: Engine;
beforeAll(async () => {
  remote = await connect({}, channelHere(interpreter));
  local = await createEngine({ backend: interpreter() });
});
afterAll(async () => {
  await remote.dispose();
  await local.dispose();
});

describe("the other half computes the bits that this thread computes", () => {
  it.each([...cases, ...familyCases].map((c) => [c.name, c] as const))("%s", async (_, { f, shapes, domain: [low, high] = [-2, 2] }) => {
    const given = shapes.map((shape, i) => Float64Array.from(numbers(shape, { seed: i + 1, low, high }).data));
    const results: Value[][] = [];
    for (const engine of [remote, local]) {
      const x = shapes.map((shape, i) => engine.variable(given[i]!, { shape }) as Tensor);
      const y = f(...x);
      results.push(await engine.read(isFloat(y.dtype) ? [y, ...grad(sum(y) as Tensor<[]>, x)] : [y]));
    }
    const [got, expected] = results.map((values) => values.map((v) => [v.shape, v.dtype, v.data]));
    expect(got).toEqual(expected);
  });
});

describe("bodies of loops and branches reach it too", () => {
  it.each(controlCases.map((c) => [c.name, c] as const))("%s", async (_, { draw }) => {
    const results: Value[][] = [];
    for (const engine of [remote, local]) {
      const { f, args } = draw(new Random(5));
      const x = args.map((t) => {
        const { value, shape, dtype } = t.params as ConstantParams;
        return engine.variable(typeof value === "number" ? value : value.slice(), { shape, dtype }) as Tensor;
      });
      const y = f(...x);
      const floats = x.filter((t) => isFloat(t.dtype));
      results.push(await engine.read(isFloat(y.dtype) ? [y, ...grad(sum(y) as Tensor<[]>, floats)] : [y]));
    }
    const [got, expected] = results.map((values) => values.map((v) => [v.shape, v.dtype, v.data]));
    expect(got).toEqual(expected);
  });
});
