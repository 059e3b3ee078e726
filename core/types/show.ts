/** Shapes and dimensions as text, for the sentences that the compiler prints. */
import type { DimType } from "./shape.ts";

/** "[2, n]"; "?" stands for an unknown size, "[...]" for an unknown rank. */
export type Show<S> = S extends readonly [infer First, ...infer Rest]
  ? `[${ShowDim<First>}${ShowRest<Rest>}]`
  : S extends readonly []
    ? "[]"
    : "[...]";
type ShowRest<S> = S extends readonly [infer First, ...infer Rest] ? `, ${ShowDim<First>}${ShowRest<Rest>}` : "";

export type ShowDim<D> = number extends D ? "?" : string extends D ? "?" : D extends DimType ? `${D}` : "?";
