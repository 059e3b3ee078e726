/** Steps of a solver, one inside the backend after another, as long as a condition on its state holds. */
import type { Tensor } from "../../core/tensor.ts";
import { whileLoop } from "../control/loops.ts";

export type State = { readonly [name: string]: Tensor };

export const iterate = <S extends State>(first: S, going: (state: S) => Tensor, step: (state: S) => S): S =>
  whileLoop<State>(going as (state: State) => Tensor, step as unknown as (state: State) => State, first) as S;
