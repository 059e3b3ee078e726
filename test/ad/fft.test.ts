/** Derivative and batching rules of Fourier transforms: of direct lengths and of convolutions, of one axis and of several. */
import type { Tensor } from "../../core/tensor.ts";
import { mul } from "../../ops/arithmetic.ts";
import { complex, imag, real } from "../../ops/complex.ts";
import { stack } from "../../ops/concatenate.ts";
import * as f from "../../ops/fourier.ts";
import type { Case } from "../ops/cases.ts";
import { drawn, judgeRules } from "./judge-rules.ts";

/** Both parts, as a real function of both parts. */
const parts =
  (g: (z: Tensor) => Tensor) =>
  (re: Tensor, im: Tensor): Tensor => {
    const y = g(complex(re, im));
    return stack([real(y), imag(y)]);
  };
const ofParts = (name: string, shape: readonly number[], g: (z: Tensor) => Tensor): Case => ({
  name: `${name} of [${shape.join()}]`,
  f: (re, im) => parts(g)(re!, im!),
  shapes: [shape, shape],
});

const fftCases: readonly Case[] = [
  ...[[4], [6], [2, 29], [3, 4, 2]].map((shape) => ofParts("fft", shape, (z) => f.fft(z, { axis: shape.length === 3 ? 1 : -1 }))),
  ofParts("ifft, cut", [2, 5], (z) => f.ifft(z, { n: 3, norm: "ortho" })),
  ofParts("fft2", [3, 4], (z) => f.fft2(z)),
  ofParts("ifftn, longer", [2, 3], (z) => f.ifftn(z, { s: [3, 5] })),
  { name: "fft of real numbers", f: (x) => parts((z) => f.fft(real(z)))(x!, x!), shapes: [[2, 5]] },
  { name: "rfft", f: (x) => parts((z) => f.rfft(real(z)))(x!, x!), shapes: [[2, 6]] },
  { name: "irfft", f: (re, im) => f.irfft(complex(re!, im!)), shapes: [[4], [4]] },
  {
    name: "irfft, odd",
    f: (re, im) => f.irfft(complex(re!, im!), { n: 5 }),
    shapes: [
      [2, 3],
      [2, 3],
    ],
  },
  {
    name: "rfft2 and back, filtered",
    f: (x, w) => f.irfft2(mul(f.rfft2(x!), w!)),
    shapes: [
      [4, 4],
      [4, 3],
    ],
  },
  {
    name: "squares of frequencies",
    f: (x) => {
      const z = f.fft(x!);
      return mul(real(z), imag(z));
    },
    shapes: [[7]],
  },
  ofParts("fftshift", [5], (z) => f.fftshift(z)),
];

judgeRules(drawn(fftCases));
