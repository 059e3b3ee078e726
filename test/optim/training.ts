/** A small network to train, for the tests of runs. */
import { add, matmul, mean, square, sub, tanh, type Tensor, tensor } from "../../index.ts";
import { adam } from "../../optim/optimizers.ts";

const points = Float32Array.from({ length: 24 }, (_, i) => Math.sin(5 * i));
const x = tensor(points, { shape: [24, 1] });
const y = tensor(
  points.map((v) => v * v),
  { shape: [24, 1] },
);

export const initial = {
  w: { data: Float32Array.from({ length: 8 }, (_, i) => Math.cos(3 * i)), shape: [1, 8] },
  v: { data: Float32Array.from({ length: 8 }, (_, i) => Math.sin(2 * i + 1) / 2), shape: [8, 1] },
};
export const loss = ({ w, v }: { readonly w: Tensor; readonly v: Tensor }): Tensor =>
  mean(square(sub(add(matmul(tanh(matmul(x, w)), v), 0.1), y)));
export const optimizer = adam({ learningRate: 1e-2 });
