/**
 * A primitive and all its rules, side by side: typing, derivative, transposition, batching, lowering. Adding a
 * primitive is one edit. `ad` and `scheduler` find the rules here; a `RuleSet` given to a transform comes first.
 */
import type { Dim } from "../core/dim.ts";
import type { Primitive } from "../core/primitive.ts";
import { captureSite, withSite } from "../core/site.ts";
import { complexOf, complexPrimitive, isComplexTensor, type Parts, partsOf, imagPrimitive, realPrimitive } from "../core/complex.ts";
import { apply, applyMany, type Tensor } from "../core/tensor.ts";
import type { LowerCall, Lowered } from "../kernel/lowering.ts";
import { complexRules, imagRules, realRules } from "./parts.ts";

/** A tangent or cotangent that is structurally zero is undefined, never a tensor of zeros. */
export type Maybe = Tensor | undefined;

/** What becomes of tangents: they are wanted as they are, or will be transposed. */
export type Mode = "forward" | "reverse";

/** What every rule of a transform is told: the rules that the transform was handed, for primitives that hold graphs of their own. */
interface Handed {
  readonly rules: RuleSet;
}

export interface JvpCall<P extends object> extends Handed {
  readonly mode: Mode;
  readonly params: P;
  readonly inputs: readonly Tensor[];
  /** One for each input; at least one is defined. */
  readonly tangents: readonly Maybe[];
  /** The node itself, or for several outputs each of them: rules reuse it, as tanh does. */
  readonly outputs: readonly Tensor[];
}

export interface TransposeCall<P extends object> extends Handed {
  readonly params: P;
  readonly inputs: readonly Tensor[];
  /** Which inputs are linear here; the rule answers for those and may use the values of the others only. */
  readonly linear: readonly boolean[];
  /** One for each output; at least one is defined. */
  readonly cotangents: readonly Maybe[];
}

export interface BatchCall<P extends object> extends Handed {
  readonly params: P;
  /** Batched inputs carry the batch as axis 0. */
  readonly inputs: readonly Tensor[];
  readonly batched: readonly boolean[];
  readonly size: Dim;
}

export interface VjpCall<P extends object> extends Handed {
  readonly params: P;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** One for each output; at least one is defined. */
  readonly cotangents: readonly Maybe[];
}

export interface JetCall<P extends object> extends Handed {
  readonly params: P;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Which derivative along the curve is wanted: 1 or more. */
  readonly order: number;
  /** For each input its derivatives of orders 0 (the value) to `order`; undefined is a structural zero. */
  readonly series: readonly (readonly Maybe[])[];
  /** For each output those of orders 0 to `order` - 1. */
  readonly found: readonly (readonly Maybe[])[];
}

export interface Rules<P extends object = any> {
  /** Tangents of the outputs, built of primitives; linear in the tangents. */
  readonly jvp?: (call: JvpCall<P>) => readonly Maybe[];
  /** For linear primitives: cotangents of the inputs (undefined where not linear, or zero). */
  readonly transpose?: (call: TransposeCall<P>) => readonly Maybe[];
  /**
   * Cotangents of all inputs (undefined for zero). Reverse mode takes it instead of the transpose of the jvp where there is one;
   * where there is no jvp, forward mode takes the transpose of it.
   */
  readonly vjp?: (call: VjpCall<P>) => readonly Maybe[];
  /** The outputs, each with the batch as axis 0. */
  readonly batch?: (call: BatchCall<P>) => readonly Tensor[];
  /**
   * The derivative of one order of each output, along a curve through the inputs: a recurrence over the orders below. Taylor
   * mode derives one from the jvp rule where there is none; a rule here saves work.
   */
  readonly jet?: (call: JetCall<P>) => readonly Maybe[];
  readonly lower?: (call: LowerCall<P>) => Lowered;
}

export interface ComplexCall<P extends object> {
  readonly params: P;
  readonly inputs: readonly Tensor[];
}

/**
 * What a primitive is of complex operands. "parts": the same of the real parts and of the imaginary parts, with operands of other dtypes
 * (indices, conditions) for both. "whole": it hands on whole numbers, as identities do. Otherwise the outputs, made of primitives of the parts.
 */
export type ComplexRule<P extends object = any> = "parts" | "whole" | ((call: ComplexCall<P>) => readonly Tensor[]);

export interface RuledPrimitive<P extends object = any> extends Primitive<P>, Rules<P> {
  /** Without it, complex operands are an error. */
  readonly complex?: ComplexRule<P>;
  /** Of a primitive whose nodes carry more inputs than its rules see: how rules and inputs meet (see ad/composed.ts). */
  readonly composed?: Composed;
  /** Of a primitive that may fail for some numbers. */
  readonly diagnosis?: Diagnosis<P>;
}

/** How the numbers of a node tell that it has failed, and why. It costs nothing until somebody asks. */
export interface Diagnosis<P extends object = any> {
  /** The outputs to look at. */
  readonly outputs: readonly number[];
  /** What is wrong, in words, or undefined. */
  readonly trouble: (
    numbers: readonly ArrayLike<number>[],
    call: { readonly params: P; readonly inputs: readonly Tensor[] },
  ) => string | undefined;
}

export interface Composed {
  /** A rule that sees the operands alone, as one of the whole node. */
  adapt<K extends keyof Rules>(kind: K, rule: NonNullable<Rules[K]>): NonNullable<Rules[K]>;
  /**
   * What derivatives flow through, in its place among the inputs: what the rules see, or, where there is none (neither its own nor one
   * `given`), what the value is made of.
   */
  flows(t: Tensor, given: boolean): readonly Maybe[];
  /** Throws when a tangent arrives by a way that the rules do not see. */
  check(t: Tensor, tangents: readonly Maybe[]): void;
}

/** Applies a primitive: to one output, or through `many` to all of several. */
export interface PrimitiveFunction<P extends object> {
  (inputs: readonly Tensor[], params: P): Tensor;
  many(inputs: readonly Tensor[], params: P): Tensor[];
  readonly primitive: RuledPrimitive<P>;
}

// The primitives are core's, because whatever is applied to a complex tensor asks for its parts; the rules need the kernel language.
Object.assign(complexPrimitive, complexRules);
Object.assign(realPrimitive, realRules);
Object.assign(imagPrimitive, imagRules);

/** Declares a primitive and gives the function that applies it. Complex operands are taken apart here: see core/complex.ts. */
export function definePrimitive<P extends object>(primitive: RuledPrimitive<P>): PrimitiveFunction<P> {
  const takesApart = (inputs: readonly Tensor[]): boolean => primitive.complex !== "whole" && inputs.some(isComplexTensor);
  return Object.assign(
    (inputs: readonly Tensor[], params: P) =>
      takesApart(inputs) ? ofComplex(primitive, inputs, params)[0]! : apply(primitive, params, inputs),
    {
      primitive,
      many: (inputs: readonly Tensor[], params: P) =>
        takesApart(inputs) ? [...ofComplex(primitive, inputs, params)] : applyMany(primitive, params, inputs),
    },
  );
}

/** The outputs of a primitive of complex operands, which are all made where the primitive is applied. */
const ofComplex = <P extends object>(primitive: RuledPrimitive<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] =>
  withSite(captureSite(ofComplex), () => expanded(primitive, inputs, params));

function expanded<P extends object>(primitive: RuledPrimitive<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
  const { complex, name } = primitive;
  if (typeof complex === "function") return complex({ inputs, params });
  if (complex === undefined)
    throw new Error(
      `${name}: is not defined for complex numbers, got ${inputs.map((t) => t.describe()).join(" and ")}; use real(z), imag(z) or abs(z) of them`,
    );
  const of = (part: keyof Parts): readonly Tensor[] | undefined => {
    // Where one of several operands has the part, the others have zeros there, which are read from the whole number.
    if (inputs.every((t) => !isComplexTensor(t) || partsOf(t)[part] === undefined)) return undefined;
    const parts = inputs.map((t) =>
      isComplexTensor(t) ? (partsOf(t)[part] ?? apply(part === "re" ? realPrimitive : imagPrimitive, {}, [t])) : t,
    );
    return applyMany(primitive, params, parts);
  };
  const [re, im] = [of("re"), of("im")];
  return (re ?? im)!.map((_, i) => complexOf({ re: re?.[i], im: im?.[i] }));
}

/** Rules that come before the primitives' own, for the transforms they are handed to. */
export class RuleSet {
  readonly #rules: ReadonlyMap<string, Rules>;
  constructor(rules: Readonly<Record<string, Rules>>) {
    this.#rules = new Map(Object.entries(rules));
  }

  /** The rule of a primitive for one transform. Throws, naming both and how to add it, when there is none. */
  rule<K extends keyof Rules>(primitive: Primitive, kind: K, transform: keyof Rules = kind): NonNullable<Rules[K]> {
    const found = this.#given(primitive, kind) ?? (primitive as Rules)[kind];
    if (found === undefined)
      throw new Error(
        `${primitive.name}: the primitive has no ${kind} rule, which this ${transforms[transform]} needs. Add one to its definition, or hand the transform rules: new RuleSet({ "${primitive.name}": { ${kind} } })`,
      );
    return found;
  }

  /** A rule that comes before the jvp of the same origin, if there is one. What was handed in comes before the primitive's own. */
  preferred<K extends "jet" | "vjp">(primitive: Primitive, kind: K): NonNullable<Rules[K]> | undefined {
    const given = this.#given(primitive, kind);
    const own = (primitive as Rules)[kind] as NonNullable<Rules[K]> | undefined;
    return given ?? (this.#rules.get(primitive.name)?.jvp ? undefined : own);
  }

  /** Whether tangents can be pushed through a primitive by its own jvp rule, or one handed in. */
  hasJvp(primitive: Primitive): boolean {
    return (this.#rules.get(primitive.name)?.jvp ?? (primitive as RuledPrimitive).jvp) !== undefined;
  }

  /** The inputs of a node that derivatives flow through, in their places. */
  readonly flows = (t: Tensor): readonly Maybe[] => {
    const { composed } = t.primitive as RuledPrimitive;
    if (!composed) return t.inputs;
    const given = this.#rules.get(t.primitive.name);
    return composed.flows(t, given?.jvp !== undefined || given?.vjp !== undefined);
  };

  #given<K extends keyof Rules>(primitive: Primitive, kind: K): NonNullable<Rules[K]> | undefined {
    const rule = this.#rules.get(primitive.name)?.[kind] as NonNullable<Rules[K]> | undefined;
    const { composed } = primitive as RuledPrimitive;
    return rule && composed ? composed.adapt(kind, rule) : rule;
  }
}

const transforms: Record<keyof Rules, string> = {
  jvp: "derivative",
  transpose: "reverse-mode derivative",
  vjp: "reverse-mode derivative",
  batch: "vmap",
  jet: "Taylor series",
  lower: "evaluation",
};

/** No overriding rules. */
export const ownRules = new RuleSet({});

/** The jvp of a primitive that is linear in its one operand: the same primitive, of the tangent. */
export const linearJvp: NonNullable<Rules["jvp"]> = ({ params, tangents, outputs }) => [
  apply(outputs[0]!.primitive, params, [tangents[0]!]),
];
