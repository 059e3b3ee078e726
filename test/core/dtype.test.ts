/** The promotion table, written out. */
import { describe, expect, it } from "vitest";
import { type DType, promote, promoteLiteral } from "../../core/dtype.ts";

const order: readonly DType[] = ["bool", "uint32", "int32", "float32", "float64", "complex64", "complex128"];
const table: Record<DType, readonly DType[]> = {
  bool: ["bool", "uint32", "int32", "float32", "float64", "complex64", "complex128"],
  uint32: ["uint32", "uint32", "int32", "float32", "float64", "complex64", "complex128"],
  int32: ["int32", "int32", "int32", "float32", "float64", "complex64", "complex128"],
  float32: ["float32", "float32", "float32", "float32", "float64", "complex64", "complex128"],
  float64: ["float64", "float64", "float64", "float64", "float64", "complex128", "complex128"],
  complex64: ["complex64", "complex64", "complex64", "complex64", "complex128", "complex64", "complex128"],
  complex128: ["complex128", "complex128", "complex128", "complex128", "complex128", "complex128", "complex128"],
};

describe("dtype promotion", () => {
  it("follows the table", () => {
    for (const a of order) expect(order.map((b) => promote(a, b))).toEqual(table[a]);
  });

  it("is commutative and associative", () => {
    for (const a of order)
      for (const b of order) {
        expect(promote(a, b)).toBe(promote(b, a));
        for (const c of order) expect(promote(promote(a, b), c)).toBe(promote(a, promote(b, c)));
      }
  });

  it("takes literals as weak: they change the kind, never the width", () => {
    expect(order.map((d) => promoteLiteral(true, d))).toEqual(["bool", "uint32", "int32", "float32", "float64", "complex64", "complex128"]);
    expect(order.map((d) => promoteLiteral(2, d))).toEqual(["int32", "uint32", "int32", "float32", "float64", "complex64", "complex128"]);
    expect(order.map((d) => promoteLiteral(0.5, d))).toEqual([
      "float32",
      "float32",
      "float32",
      "float32",
      "float64",
      "complex64",
      "complex128",
    ]);
    const complex = order.map((d) => promoteLiteral({ re: 0, im: 1 }, d));
    expect(complex).toEqual(["complex64", "complex64", "complex64", "complex64", "complex128", "complex64", "complex128"]);
    expect(order.map((d) => promoteLiteral(NaN, d))).toEqual([
      "float32",
      "float32",
      "float32",
      "float32",
      "float64",
      "complex64",
      "complex128",
    ]);
  });
});
