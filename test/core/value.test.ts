/** What a Value and a Tensor become where something else is asked for: text, JSON, a number. */
import { describe, expect, it } from "vitest";
import { constant } from "../../core/leaves.ts";
import { Value } from "../../core/value.ts";
import { mul } from "../../ops/arithmetic.ts";

describe("a value", () => {
  const value = new Value([2], "float32", 3, Float32Array.of(1, 2.5));

  it("is no number, and says where its numbers are", () => {
    expect(() => (value as unknown as number) * 2).toThrow(/Value is not a number: use item\(\).*float32\[2\]/);
    expect(() => (value as unknown as number) + 1).toThrow(TypeError);
  });

  it("becomes text and JSON with its numbers", () => {
    expect(`${value}`).toBe("Value(float32[2] [1, 2.5] epoch 3)");
    expect(JSON.parse(JSON.stringify({ value }))).toEqual({ value: { shape: [2], dtype: "float32", epoch: 3, data: [1, 2.5] } });
  });
});

it("a tensor is one line of JSON, however often its graph shares a node", () => {
  let x = constant([1, 2]);
  for (let i = 0; i < 200; i++) x = mul(x, x);
  expect(JSON.stringify({ x })).toBe('{"x":"Tensor(mul float32[2])"}');
});
