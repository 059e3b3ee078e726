/**
 * Functions of a vector, and linear ones among them: applied, transposed by reverse mode, or written out as matrices. They are kept as
 * bodies; what they close over is handed in each time, so that derivatives, and examples of vmap, find their way to it.
 */
import type { Dim } from "../../core/dim.ts";
import { dependents } from "../../core/graph.ts";
import type { Tensor } from "../../core/tensor.ts";
import { batchAlong } from "../../ops/broadcast.ts";
import { eye, zerosLike } from "../../ops/creation.ts";
import { type Maybe, type Mode, ownRules, type RuleSet } from "../../ops/primitive.ts";
import { transpose } from "../../ops/transpose.ts";
import { batchAll } from "../batch.ts";
import { type Body, close, instantiate, standsFor } from "../control/body.ts";
import { pushForward } from "../pushforward.ts";
import { placeholderLike } from "../trace.ts";
import { pullLinear } from "../vjp.ts";

export class VectorFunction {
  /** Parameters: constants, what it closes over, then the vector [n]. Result: the image [m]. */
  readonly #body: Body;
  readonly #constants: readonly Tensor[];

  constructor(body: Body, constants: readonly Tensor[] = []) {
    this.#body = body;
    this.#constants = constants;
  }

  /** What it closes over, as its parameters. */
  protected get parameters(): readonly Tensor[] {
    return this.#body.parameters.slice(this.#constants.length, -1);
  }

  protected get vector(): Tensor {
    return this.#body.parameters.at(-1)!;
  }

  /** How many tensors it closes over. */
  get closures(): number {
    return this.parameters.length;
  }

  of(closures: readonly Tensor[], v: Tensor): Tensor {
    return instantiate(this.#body, [...this.#constants, ...closures, v])[0]!;
  }

  /** The tangent of the image for those of the closures. */
  push(closures: readonly Tensor[], tangents: readonly Maybe[], v: Tensor, rules: RuleSet, mode: Mode): Maybe {
    const stands = standsFor(closures);
    const seeds = new Map(stands.flatMap((stand, i) => (tangents[i] ? [[stand, tangents[i]] as const] : [])));
    if (seeds.size === 0) return undefined;
    const [pushed] = pushForward([this.of(stands, v)], seeds, rules, mode);
    return pushed && instantiate({ parameters: stands, results: [pushed] }, closures)[0];
  }

  /** The tangent of the image for one of the vector. */
  along(closures: readonly Tensor[], v: Tensor, dv: Tensor, rules: RuleSet): Tensor {
    const stand = placeholderLike(v);
    const image = this.of(closures, stand);
    const pushed = pushForward([image], new Map([[stand, dv]]), rules)[0] ?? zerosLike(image);
    return instantiate({ parameters: [stand], results: [pushed] }, [v])[0]!;
  }
}

export class Operator extends VectorFunction {
  /** The map of which this one was made as the transpose. */
  readonly original: Operator | undefined;
  readonly #symmetric: boolean;
  readonly #transposes = new WeakMap<RuleSet, Operator>();

  constructor(body: Body, options: { readonly symmetric: boolean; readonly constants?: readonly Tensor[]; readonly original?: Operator }) {
    super(body, options.constants);
    this.original = options.original;
    this.#symmetric = options.symmetric;
  }

  /** w -> A^T w. `name` is what messages call the solver. */
  transpose(name: string, rules: RuleSet = ownRules): Operator {
    const known = this.#symmetric ? this : (this.original ?? this.#transposes.get(rules));
    if (known) return known;
    const closures = standsFor(this.parameters);
    const v = placeholderLike(this.vector);
    const image = this.of(closures, v);
    const w = placeholderLike(image);
    const pulled = pullLinear([image], [w], [v], rules)[0] ?? zerosLike(v);
    if (dependents([pulled], [v]).size > 0)
      throw new Error(`${name}: the operator is not linear: its derivative depends on the vector that it is applied to`);
    const body = close([pulled], [...closures, w]);
    const made = new Operator(body, { symmetric: false, constants: body.closures, original: this });
    this.#transposes.set(rules, made);
    return made;
  }

  /** The matrix [m, n]. */
  matrix(closures: readonly Tensor[]): Tensor {
    const n: Dim = this.vector.shape[0]!;
    const v = placeholderLike(this.vector);
    const units = eye(n, n, 0, { dtype: v.dtype });
    const image = this.of(closures, v);
    const [columns] = batchAll([image], new Map([[v, units]]), n);
    return transpose(columns ?? batchAlong(image, n));
  }
}

/** A function from vectors like `like`, and what it closes over. */
export function functionOf(f: (v: Tensor) => Tensor, like: Tensor): { readonly map: VectorFunction; readonly closures: readonly Tensor[] } {
  const v = placeholderLike(like);
  const { closures, ...body } = close([f(v)], [v]);
  return { map: new VectorFunction(body), closures };
}

/** The same of a linear function. */
export function operatorOf(
  f: (v: Tensor) => Tensor,
  like: Tensor,
  symmetric: boolean,
): { operator: Operator; closures: readonly Tensor[] } {
  const v = placeholderLike(like);
  const { closures, ...body } = close([f(v)], [v]);
  return { operator: new Operator(body, { symmetric }), closures };
}
