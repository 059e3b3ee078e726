/** The checker is checked: it accepts right rules and names wrong ones, in each mode and order. */
import { describe, expect, it } from "vitest";
import { checkGradsWith } from "../../ad/check.ts";
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { mul, neg } from "../../ops/arithmetic.ts";
import { cos, sin, tanh } from "../../ops/functions.ts";
import { RuleSet } from "../../ops/primitive.ts";
import { interpret } from "./values.ts";

const check = (f: (x: Tensor) => Tensor, options: Parameters<typeof checkGradsWith>[3]): Promise<void> =>
  checkGradsWith(interpret, f, [constant([0.3, -1.1])], options);

describe("checkGrads", () => {
  it("accepts sin to fourth order", () => expect(check(sin, { order: 4 })).resolves.toBeUndefined());
  it("names a wrong derivative, with both numbers", async () => {
    const rules = new RuleSet({ sin: { jvp: ({ tangents, inputs }) => [mul(tangents[0]!, sin(inputs[0]!))] } });
    await expect(check(sin, { order: 1, modes: ["fwd"], rules })).rejects.toThrow(
      /jvp is off by .* output 0, element \d: .* by the rule, .* by finite differences/,
    );
    await expect(check(sin, { order: 1, modes: ["rev"], rules })).rejects.toThrow(/vjp is off/);
  });
  it("finds a second derivative that is wrong although the first is right", async () => {
    const rules = new RuleSet({ cos: { jvp: ({ tangents, inputs }) => [mul(tangents[0]!, sin(inputs[0]!))] } });
    await expect(check(sin, { order: 1, rules })).resolves.toBeUndefined();
    await expect(check(sin, { order: 2, modes: ["fwd"], rules })).rejects.toThrow(/jvp of jvp is off/);
    await expect(check(sin, { order: 2, modes: ["rev"], rules })).rejects.toThrow(/vjp of vjp is off/);
  });
  it("finds a transpose that is wrong although the jvp is right", async () => {
    const rules = new RuleSet({ mul: { transpose: ({ cotangents, linear }) => linear.map((l) => (l ? cotangents[0] : undefined)) } });
    await expect(check((x) => mul(cos(x), x), { order: 1, modes: ["fwd"], rules })).resolves.toBeUndefined();
    await expect(check((x) => mul(cos(x), x), { order: 1, modes: ["rev"], rules })).rejects.toThrow(/vjp is off/);
  });
  it("checks Taylor series and batches, and names wrong ones", async () => {
    const modes = ["jet", "vmap"] as const;
    const f = (x: Tensor): Tensor => mul(cos(x), tanh(x));
    await expect(check(f, { order: 4, modes, rtol: 1e-5, atol: 1e-6 })).resolves.toBeUndefined();
    const series = new RuleSet({ tanh: { jet: ({ outputs: [y], order }) => [mul(y!, order)] } });
    await expect(check(f, { order: 2, modes: ["jet"], rules: series })).rejects.toThrow(/jet of order 1 is off/);
    const late = new RuleSet({ cos: { jet: ({ inputs: [x], series: [xs], order }) => [order === 1 ? mul(neg(sin(x!)), xs![1]!) : x] } });
    await expect(check(cos, { order: 2, modes: ["jet"], rules: late })).rejects.toThrow(/jet of order 2 is off/);
    const batch = new RuleSet({ cos: { batch: ({ inputs: [x] }) => [mul(x!, 2)] } });
    await expect(check(f, { modes: ["vmap"], rules: batch })).rejects.toThrow(/vmap is off.* one by one/s);
  });
  it("refuses orders and modes that are none, and arguments without a float", async () => {
    await expect(check(sin, { order: 0 })).rejects.toThrow(/order must be a positive integer, got 0/);
    await expect(check(sin, { modes: ["forward"] as never })).rejects.toThrow(
      /modes must be some of "fwd", "rev", "jet" and "vmap", got \["forward"\]/,
    );
    await expect(check(sin, { modes: [] })).rejects.toThrow(/modes must be/);
    await expect(checkGradsWith(interpret, sin, constant(1) as never)).rejects.toThrow(/array of f's arguments/);
    await expect(checkGradsWith(interpret, () => constant(1), [constant([1, 2], { dtype: "int32" })])).rejects.toThrow(
      /none of the arguments is a float/,
    );
  });
});
