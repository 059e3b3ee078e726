/**
 * Sums and products of sizes in types, as one does them on paper: digit by digit, from the right. Numbers are text, and
 * written backwards, so that their last digit comes first. Exact for every size.
 */
import type { ShapeType } from "./shape.ts";

/** Each digit as a list of that length: joining lists and reading their length is all the addition that types have. */
interface Digits {
  "0": [];
  "1": [0];
  "2": [0, 0];
  "3": [0, 0, 0];
  "4": [0, 0, 0, 0];
  "5": [0, 0, 0, 0, 0];
  "6": [0, 0, 0, 0, 0, 0];
  "7": [0, 0, 0, 0, 0, 0, 0];
  "8": [0, 0, 0, 0, 0, 0, 0, 0];
  "9": [0, 0, 0, 0, 0, 0, 0, 0, 0];
}
type Digit = keyof Digits;

type Backwards<Text> = Text extends `${infer First}${infer Rest}` ? `${Backwards<Rest>}${First}` : "";
type Read<Reversed> = Backwards<Reversed> extends `${infer N extends number}` ? N : any;

/** A + B + Carry. */
type AddText<A extends string, B extends string, Carry extends 0[] = []> = A extends `${infer a extends Digit}${infer RestA}`
  ? B extends `${infer b extends Digit}${infer RestB}`
    ? Column<[...Digits[a], ...Digits[b], ...Carry]["length"], RestA, RestB>
    : Carry extends []
      ? A
      : AddText<A, "1">
  : Carry extends []
    ? B
    : B extends ""
      ? "1"
      : AddText<B, "1">;

/** Writes down the last digit of a column's sum and carries the other. */
type Column<N, RestA extends string, RestB extends string> = `${N & number}` extends `1${infer d extends Digit}`
  ? `${d}${AddText<RestA, RestB, [0]>}`
  : `${N & number}${AddText<RestA, RestB>}`;

/** A times a digit, plus Done. */
type TimesDigit<A extends string, Times extends 0[], Done extends string = ""> = Times extends [0, ...infer Rest extends 0[]]
  ? TimesDigit<A, Rest, AddText<A, Done>>
  : Done;

/** A times B, whose digits are not reversed: for each, what is done is shifted by one place and A times the digit added. */
type MulText<A extends string, B, Done extends string = ""> = B extends `${infer b extends Digit}${infer Rest}`
  ? MulText<A, Rest, AddText<`0${Done}`, TimesDigit<A, Digits[b]>>>
  : Done;

/** The sum of two sizes; any, unless both are known numbers. */
export type Sum<A, B> = number extends A | B
  ? any
  : A extends number
    ? B extends number
      ? Read<AddText<Backwards<`${A}`>, Backwards<`${B}`>>>
      : any
    : any;

/** The product of two sizes; any, unless it is known. */
export type Times<A, B> = A extends 1
  ? B
  : B extends 1
    ? A
    : number extends A | B
      ? any
      : 0 extends A | B
        ? 0
        : A extends number
          ? B extends number
            ? Read<MulText<Backwards<`${A}`>, `${B}`>>
            : any
          : any;

/** The product of a list of sizes. */
export type Product<S extends ShapeType, Done = 1> = S extends readonly [infer First, ...infer Rest extends ShapeType]
  ? Product<Rest, Times<Done, First>>
  : Done;
