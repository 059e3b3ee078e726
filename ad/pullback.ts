/**
 * Reverse mode: the transpose of a tangent graph with respect to its leaves. There is no tape: what is linear is what
 * can be reached from a tangent leaf, and only linear primitives have a transpose.
 *
 * A `separable` term ends a pass. What arrives there is a factor: a pass of its own goes on below it with a seed of 1, together with those of
 * all terms that have the same factor, and what it finds is multiplied by the factor at the leaves.
 */
import { dependents } from "../core/graph.ts";
import { type ConstantParams, constantPrimitive } from "../core/leaves.ts";
import { withSite } from "../core/site.ts";
import { outputPrimitive, type Tensor } from "../core/tensor.ts";
import { addN } from "../ops/addN.ts";
import { mul } from "../ops/arithmetic.ts";
import { convert } from "../ops/convert.ts";
import { onesLike } from "../ops/creation.ts";
import { separablePrimitive } from "../ops/identity.ts";
import { type Maybe, ownRules, type RuleSet } from "../ops/primitive.ts";
import { checkCotangents } from "./rule-results.ts";

/**
 * The cotangents of tangent leaves, given those of outputs that are linear in them. Where several uses of a node meet,
 * their cotangents are one n-ary sum, in the order of a depth-first walk from the outputs: the same graph gives the
 * same sum, to the bit. What separable terms contribute comes last.
 */
export function pullBack(
  outputs: readonly Maybe[],
  cotangents: readonly Tensor[],
  leaves: readonly Tensor[],
  rules: RuleSet = ownRules,
): Maybe[] {
  const first = new Pass(outputs, cotangents);
  const passes = [first];
  // Terms inside of terms make the list grow.
  for (const pass of passes)
    for (const [factor, terms] of pass.run(leaves, rules)) {
      const seeds = terms.map((t) => onesLike(t));
      passes.push(new Pass(terms, seeds, (leaf, ct) => pass.add(leaf, mul(ct, convert(factor, ct.dtype)))));
    }
  for (const pass of passes.reverse()) pass.close();
  return leaves.map((leaf) => first.results.get(leaf));
}

/** One walk over what is linear, from outputs to leaves. */
class Pass {
  readonly results = new Map<Tensor, Maybe>();
  readonly #outputs: readonly Maybe[];
  readonly #cotangents: readonly Tensor[];
  /** Hands a result to the pass that this one belongs to. */
  readonly #handOn: (leaf: Tensor, ct: Tensor) => void;
  /** For each leaf what arrived there: from within the pass, and from those that belong to it. */
  readonly #found = new Map<Tensor, Tensor[]>();

  constructor(outputs: readonly Maybe[], cotangents: readonly Tensor[], handOn: (leaf: Tensor, ct: Tensor) => void = () => {}) {
    this.#outputs = outputs;
    this.#cotangents = cotangents;
    this.#handOn = handOn;
  }

  /** Takes cotangents down to the leaves. The separable terms that it met, by their factors. */
  run(leaves: readonly Tensor[], rules: RuleSet): ReadonlyMap<Tensor, readonly Tensor[]> {
    const outputs = this.#outputs;
    const roots = outputs.filter((t) => t !== undefined);
    const linear = dependents(roots, leaves);
    /** For each node, for each of its outputs: the contributions of its users, last user first. */
    const arrived = new Map<Tensor, (Tensor[] | undefined)[]>();
    const contribute = (t: Tensor, output: number, ct: Tensor): void => {
      let slots = arrived.get(t);
      if (!slots) arrived.set(t, (slots = []));
      (slots[output] ??= []).push(ct);
    };
    for (let i = outputs.length - 1; i >= 0; i--) if (outputs[i]) contribute(outputs[i]!, 0, this.#cotangents[i]!);

    const terms = new Map<Tensor, Tensor[]>();
    for (const t of [...linear].reverse()) {
      const slots = arrived.get(t);
      if (!slots) continue;
      arrived.delete(t);
      if (t.inputs.length === 0) {
        this.#found.set(t, slots[0]!.reverse());
        continue;
      }
      const cts = t.outputs.map((_, k) => slots[k] && addN(slots[k].reverse()));
      if (t.primitive === outputPrimitive) contribute(t.inputs[0]!, (t.params as { index: number }).index, cts[0]!);
      else if (t.primitive === separablePrimitive.primitive && !isOne(cts[0]!)) {
        const list = terms.get(cts[0]!);
        if (list) list.unshift(t.inputs[0]!);
        else terms.set(cts[0]!, [t.inputs[0]!]);
      } else {
        const flags = t.inputs.map((input) => linear.has(input));
        const back = withSite(t.site, () =>
          rules.rule(t.primitive, "transpose")({ params: t.params, inputs: t.inputs, linear: flags, cotangents: cts, rules }),
        );
        checkCotangents(t.primitive.name, "transpose", back, t.inputs);
        for (let k = t.inputs.length - 1; k >= 0; k--) if (flags[k] && back[k]) contribute(t.inputs[k]!, 0, back[k]!);
      }
    }
    return terms;
  }

  /** Adds up what there is for each leaf, when all passes that belong to this one are closed; and hands it on. */
  close(): void {
    for (const [leaf, list] of this.#found) {
      const ct = addN(list);
      this.results.set(leaf, ct);
      this.#handOn(leaf, ct);
    }
  }

  add(leaf: Tensor, ct: Tensor): void {
    const list = this.#found.get(leaf);
    if (list) list.push(ct);
    else this.#found.set(leaf, [ct]);
  }
}

/** Whether it is the number 1: then there is nothing to scale by. */
const isOne = (t: Tensor): boolean => t.primitive === constantPrimitive && (t.params as ConstantParams).value === 1;
