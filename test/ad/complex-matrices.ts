/** Functions of complex matrices as the judges of rules want them: real functions of the parts of each operand. */
import type { Tensor } from "../../core/tensor.ts";
import { complex, conj, imag, real } from "../../ops/complex.ts";
import { stack } from "../../ops/concatenate.ts";
import { swapaxes } from "../../ops/transpose.ts";
import type { Case } from "../ops/cases.ts";
import { spread } from "./linalg-cases.ts";

/** The conjugate transpose. */
export const h = (a: Tensor): Tensor => conj(swapaxes(a, -1, -2));
const parts = (y: Tensor): Tensor => stack([real(y), imag(y)]);

/** As a real function of the parts of each operand: real parts first, made what the operation needs. */
export const of = (
  name: string,
  shapes: readonly (readonly number[])[],
  f: (...z: readonly Tensor[]) => Tensor,
  made: (a: Tensor) => Tensor = (a) => a,
): Case => ({
  name: `${name} of ${shapes.map((s) => `[${s.join()}]`).join(" and ")}`,
  f: (...xs) => parts(f(...shapes.map((_, i) => complex(i === 0 ? made(xs[0]!) : xs[2 * i]!, xs[2 * i + 1]!)))),
  shapes: shapes.flatMap((s) => [s, s]),
  domain: [-1, 1],
});

/** Of matrices whose singular values and eigenvalues are apart. */
export const spectral = (name: string, shapes: readonly (readonly number[])[], f: (z: Tensor) => Tensor): Case[] =>
  shapes.map((s) => of(name, [s], f, spread));
