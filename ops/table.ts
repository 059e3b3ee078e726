/**
 * The primitives by their names: how another thread finds what a node applies. Each file lists what it defines; nothing registers itself.
 * Primitives that users define are not here.
 */
import { complexPrimitive, imagPrimitive, realPrimitive } from "../core/complex.ts";
import { constantPrimitive } from "../core/leaves.ts";
import type { Primitive } from "../core/primitive.ts";
import { outputPrimitive } from "../core/tensor.ts";
import * as addN from "./addN.ts";
import * as arithmetic from "./arithmetic.ts";
import * as binary from "./binary.ts";
import * as broadcast from "./broadcast.ts";
import * as compare from "./compare.ts";
import * as concatenate from "./concatenate.ts";
import * as conv from "./conv.ts";
import * as convert from "./convert.ts";
import * as cholesky from "./cholesky.ts";
import * as cumsum from "./cumsum.ts";
import * as cumulative from "./cumulative.ts";
import * as determinant from "./determinant.ts";
import * as diagonal from "./diagonal.ts";
import * as functions from "./functions.ts";
import * as eig from "./eig.ts";
import * as eigh from "./eigh.ts";
import * as fft from "./fft.ts";
import "./floating.ts";
import * as gather from "./gather.ts";
import * as identity from "./identity.ts";
import * as iota from "./iota.ts";
import * as lu from "./lu.ts";
import * as matmul from "./matmul.ts";
import * as pad from "./pad.ts";
import * as piecewise from "./piecewise.ts";
import * as power from "./power.ts";
import * as pseudoinverse from "./pseudoinverse.ts";
import * as qr from "./qr.ts";
import * as random from "./random.ts";
import * as reductions from "./reductions.ts";
import * as reshape from "./reshape.ts";
import * as searchsorted from "./searchsorted.ts";
import * as sinc from "./sinc.ts";
import * as sort from "./sort.ts";
import * as special from "./special.ts";
import * as svd from "./svd.ts";
import * as transpose from "./transpose.ts";
import * as triangular from "./triangular.ts";
import * as windows from "./windows.ts";

const files: readonly { readonly primitives: readonly Primitive[] }[] = [
  ...[addN, arithmetic, binary, broadcast, compare, concatenate, convert, cumsum, diagonal, functions, gather, identity, iota, matmul, pad],
  ...[conv, cumulative, piecewise, power, random, reductions, reshape, searchsorted, sort, transpose, windows],
  ...[cholesky, determinant, eig, eigh, fft, lu, pseudoinverse, qr, svd, triangular],
];
const table = new Map<string, Primitive>();
for (const primitive of [
  constantPrimitive,
  outputPrimitive,
  complexPrimitive,
  realPrimitive,
  imagPrimitive,
  ...files.flatMap((f) => f.primitives),
])
  table.set(primitive.name, primitive);

/** The library's primitive of a name, if it has one. */
export const primitiveNamed = (name: string): Primitive | undefined =>
  table.get(name) ?? sinc.primitiveNamed(name) ?? special.primitiveNamed(name);
