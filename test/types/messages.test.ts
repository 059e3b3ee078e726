import { expect, test } from "vitest";
import { compile } from "./compile.ts";

const header = `
import { constant } from "../../core/leaves.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add } from "../../ops/arithmetic.ts";
import { where } from "../../ops/compare.ts";
import { concatenate, stack } from "../../ops/concatenate.ts";
import { zeros } from "../../ops/creation.ts";
import { matmul } from "../../ops/matmul.ts";
import { broadcastTo } from "../../ops/operand.ts";
import { std } from "../../ops/norm.ts";
import { argmax, sum } from "../../ops/reductions.ts";
import { expandDims, reshape, squeeze } from "../../ops/reshape.ts";
import { softmax } from "../../ops/softmax.ts";
import { transpose } from "../../ops/transpose.ts";
declare const scalar: Tensor<[]>;
declare const row: Tensor<[3]>;
declare const matrix: Tensor<[2, 3]>;
declare const batch: Tensor<["n", 2]>;
declare const rows: Tensor<[any, 3]>;
`;

const mistakes: [code: string, argument: string, sentence: string][] = [
  ["add(matrix, zeros([4]))", "Tensor<[4]>", "shapes [2, 3] and [4] do not broadcast: 3 and 4 differ"],
  ["add(rows, zeros([5, 4]))", "Tensor<[5, 4]>", "shapes [?, 3] and [5, 4] do not broadcast: 3 and 4 differ"],
  ["add(batch, zeros([7, 2]))", "Tensor<[7, 2]>", "shapes [n, 2] and [7, 2] do not broadcast: n and 7 differ"],
  ["where(matrix, row, batch)", `Tensor<["n", 2]>`, "shapes [2, 3] and [n, 2] do not broadcast: 3 and 2 differ"],
  ["matmul(matrix, zeros([4, 5]))", "Tensor<[4, 5]>", "matmul: inner dimensions 3 and 4 differ ([2, 3] times [4, 5])"],
  ["matmul(matrix, scalar)", "Tensor<[]>", "matmul: the right operand is a scalar; use mul"],
  ["matmul(zeros([2, 4, 5]), zeros([3, 5, 6]))", "Tensor<[3, 5, 6]>", "matmul: batch shapes [2] and [3] do not broadcast: 2 and 3 differ"],
  ["reshape(matrix, [4, 2])", "number[]", "reshape: [2, 3] has 6 elements, [4, 2] has 8"],
  ["broadcastTo(matrix, [4, 3])", "number[]", "broadcastTo: shape [2, 3] does not broadcast to [4, 3]"],
  ["broadcastTo(matrix, [3])", "number[]", "broadcastTo: shape [2, 3] has more axes than [3]"],
  ["transpose(matrix, [0, 2])", "number[]", "transpose: axis 2 is out of range for shape [2, 3]"],
  ["transpose(matrix, [1])", "number[]", "transpose: 1 axes given for shape [2, 3]"],
  ["sum(matrix, 2)", "2", "sum: axis 2 is out of range for shape [2, 3]"],
  ["sum(batch, [0, -3])", "number[]", "sum: axis -3 is out of range for shape [n, 2]"],
  ["std(matrix, { axis: 5 })", "{ axis: number; }", "std: axis 5 is out of range for shape [2, 3]"],
  ["argmax(scalar, 0)", "0", "argmax: axis 0 is out of range for shape []"],
  ["softmax(row, 1)", "1", "softmax: axis 1 is out of range for shape [3]"],
  ["squeeze(matrix, 0)", "0", "squeeze: axis 0 of shape [2, 3] must have size 1"],
  ["expandDims(row, 3)", "3", "expandDims: axis 3 is out of range for shape [3] with one axis more"],
  ["stack([row, matrix])", "(Tensor<[3]> | Tensor<[2, 3]>)[]", "stack: shapes [3] and [2, 3] differ"],
  [
    "concatenate([matrix, zeros([2, 4])])",
    "(Tensor<[2, 3]> | Tensor<[2, 4]>)[]",
    "concatenate: shapes [2, 3] and [2, 4] differ beside axis 0",
  ],
  ["add(constant([[1, 2], [3, 4]]), constant([1, 2, 3]))", "Tensor<[3]>", "shapes [2, 2] and [3] do not broadcast: 2 and 3 differ"],
];

test("a mistake in shapes reads like a sentence, at the argument that does not fit", () => {
  const complaints = compile(header + mistakes.map(([code]) => `${code};`).join("\n"));
  const first = header.split("\n").length;
  const expected = mistakes.map(([, argument, sentence], i) => ({
    line: first + i,
    message: `Argument of type '${argument}' is not assignable to parameter of type '"${sentence}"'.`,
  }));
  expect(complaints).toEqual(expected);
});

test("a mistake is reported once, not again in what is made of it", () => {
  const code = "const a = add(matrix, zeros([4]));\nconst b = matmul(add(a, zeros([9, 9])), zeros([7]));\nsum(reshape(b, [2, 2]), 1);";
  expect(compile(`${header}${code}`)).toHaveLength(1);
});
