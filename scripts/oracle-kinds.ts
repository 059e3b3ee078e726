/** What the tables of scripts/oracle.ts are made of. */
import type { Tensor } from "../core/tensor.ts";

export type Options = Readonly<Record<string, unknown>>;
/** A function of inputs, positional and named arguments: one output, or those that are differentiated, in their order. */
export type Operation = (inputs: readonly Tensor[], args: readonly unknown[], options: Options) => Tensor | readonly Tensor[];

/** Why an operation, or a case of one, is not checked. */
export class Unsupported extends Error {}
