/**
 * Problems of nonlinear regression from the Statistical Reference Datasets of the National Institute of Standards and Technology (public domain):
 * model, data, two starting points, and the certified parameters, to 11 digits, with the certified sum of squares.
 */
import { add, div, exp, mul, neg, pow, square, sub, type Tensor } from "../../index.ts";

export interface Regression {
  readonly name: string;
  readonly model: (b: readonly Tensor[], x: Tensor) => Tensor;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly starts: readonly [readonly number[], readonly number[]];
  readonly certified: readonly number[];
  readonly sumOfSquares: number;
}

const misra = {
  x: [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0],
  y: [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.4, 75.47, 81.78],
};

export const regressions: readonly Regression[] = [
  {
    name: "Misra1a",
    model: ([b1, b2], x) => mul(b1!, sub(1, exp(neg(mul(b2!, x))))),
    ...misra,
    starts: [
      [500, 0.0001],
      [250, 0.0005],
    ],
    certified: [2.3894212918e2, 5.5015643181e-4],
    sumOfSquares: 1.2455138894e-1,
  },
  {
    name: "Misra1b",
    model: ([b1, b2], x) => mul(b1!, sub(1, pow(add(1, div(mul(b2!, x), 2)), -2))),
    ...misra,
    starts: [
      [500, 0.0001],
      [300, 0.0002],
    ],
    certified: [3.3799746163e2, 3.9039091287e-4],
    sumOfSquares: 7.5464681533e-2,
  },
  {
    name: "Misra1d",
    model: ([b1, b2], x) => div(mul(mul(b1!, b2!), x), add(1, mul(b2!, x))),
    ...misra,
    starts: [
      [500, 0.0001],
      [450, 0.0003],
    ],
    certified: [4.3736970754e2, 3.0227324449e-4],
    sumOfSquares: 5.6419295283e-2,
  },
  {
    name: "BoxBOD",
    model: ([b1, b2], x) => mul(b1!, sub(1, exp(neg(mul(b2!, x))))),
    x: [1, 2, 3, 5, 7, 10],
    y: [109, 149, 149, 191, 213, 224],
    starts: [
      [1, 1],
      [100, 0.75],
    ],
    certified: [2.1380940889e2, 5.4723748542e-1],
    sumOfSquares: 1.1680088766e3,
  },
  {
    name: "DanWood",
    model: ([b1, b2], x) => mul(b1!, pow(x, b2!)),
    x: [1.309, 1.471, 1.49, 1.565, 1.611, 1.68],
    y: [2.138, 3.421, 3.597, 4.34, 4.882, 5.66],
    starts: [
      [1, 5],
      [0.7, 4],
    ],
    certified: [7.6886226176e-1, 3.8604055871],
    sumOfSquares: 4.3173084083e-3,
  },
  {
    name: "Rat42",
    model: ([b1, b2, b3], x) => div(b1!, add(1, exp(sub(b2!, mul(b3!, x))))),
    x: [9, 14, 21, 28, 42, 57, 63, 70, 79],
    y: [8.93, 10.8, 18.59, 22.33, 39.35, 56.11, 61.73, 64.62, 67.08],
    starts: [
      [100, 1, 0.1],
      [75, 2.5, 0.07],
    ],
    certified: [7.2462237576e1, 2.6180768402, 6.7359200066e-2],
    sumOfSquares: 8.0565229338,
  },
  {
    name: "Rat43",
    model: ([b1, b2, b3, b4], x) => div(b1!, pow(add(1, exp(sub(b2!, mul(b3!, x)))), div(1, b4!))),
    x: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    y: [16.08, 33.83, 65.8, 97.2, 191.55, 326.2, 386.87, 520.53, 590.03, 651.92, 724.93, 699.56, 689.96, 637.56, 717.41],
    starts: [
      [100, 10, 1, 1],
      [700, 5, 0.75, 1.3],
    ],
    certified: [6.996415127e2, 5.2771253025, 7.5962938329e-1, 1.2792483859],
    sumOfSquares: 8.786404908e3,
  },
  {
    name: "MGH09",
    model: ([b1, b2, b3, b4], x) => div(mul(b1!, add(square(x), mul(x, b2!))), add(add(square(x), mul(x, b3!)), b4!)),
    x: [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
    y: [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
    starts: [
      [25, 39, 41.5, 39],
      [0.25, 0.39, 0.415, 0.39],
    ],
    certified: [1.9280693458e-1, 1.9128232873e-1, 1.2305650693e-1, 1.3606233068e-1],
    sumOfSquares: 3.0750560385e-4,
  },
];
