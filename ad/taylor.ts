/**
 * Taylor mode: the derivatives of nodes along a curve through the leaves, to any order, in one walk. Derivatives, not Taylor
 * coefficients: order k is d^k/ds^k, so that the derivative of a series is the series moved by one.
 *
 * Every rule follows from the jvp rule of a primitive. With y = f(x), the jvp rule builds y' = J(x, y) x' as a graph; along a curve, order
 * k of y is order k - 1 of that graph, which asks for lower orders of x and y only. That is the differential equation that f
 * satisfies, and the usual recurrences (of exp, of sin and cos together, of sqrt, of powers) are what comes out of it. Where the graph is
 * linear in x' and still along the curve (structural primitives, piecewise linear ones), the primitive's tangent of order k is
 * order k at once; what is linear in each of two inputs follows Leibniz. Rules of their own save work.
 */
import { isInexact } from "../core/dtype.ts";
import { dependents, substitute, topological } from "../core/graph.ts";
import { withSite } from "../core/site.ts";
import { apply, applyMany, outputPrimitive, outputsOf, type Tensor } from "../core/tensor.ts";
import { leibniz } from "../ops/arithmetic.ts";
import { zerosLike } from "../ops/creation.ts";
import { type Maybe, type RuleSet } from "../ops/primitive.ts";
import { tangentsOf } from "./pushforward.ts";
import { checkTangents } from "./rule-results.ts";
import { placeholderLike } from "./trace.ts";

/** The derivatives of orders 1 to `order` of each output; seeds are those of the leaves. Undefined is a structural zero. */
export function pushSeries(
  outputs: readonly Tensor[],
  seeds: ReadonlyMap<Tensor, readonly Maybe[]>,
  order: number,
  rules: RuleSet,
): Maybe[][] {
  const nodes = dependents(outputs, seeds.keys(), rules.flows);
  const curve = new Curve(seeds, nodes, rules);
  // Inputs first, so that no chain of nodes is as deep as the stack.
  for (const t of nodes) for (let k = 1; k <= order; k++) curve.at(t, k);
  return outputs.map((t) => Array.from({ length: order }, (_, i) => curve.at(t, i + 1)));
}

/** A curve through the leaves, and what moves along it. */
class Curve {
  readonly #seeds: ReadonlyMap<Tensor, readonly Maybe[]>;
  /** The nodes between the leaves and the outputs: more are met in rates. */
  readonly #nodes: ReadonlySet<Tensor>;
  readonly #rules: RuleSet;
  /** A node older than all leaves does not move, and one older than all velocities holds none. */
  readonly #oldest: number;
  #oldestVelocity = Number.POSITIVE_INFINITY;
  readonly #velocities = new Map<Tensor, Tensor>();
  /** What each velocity is the derivative of. */
  readonly #moved = new Map<Tensor, Tensor>();
  readonly #orders = new Map<Tensor, (readonly Maybe[])[]>();
  readonly #rates = new Map<Tensor, readonly Maybe[]>();
  readonly #moving = new Map<Tensor, boolean>();
  readonly #holding = new Map<Tensor, boolean>();
  readonly #linear = new Map<Tensor, boolean>();
  readonly #joint = new Map<Tensor, boolean>();
  readonly #products = new Map<Tensor, boolean>();

  constructor(seeds: ReadonlyMap<Tensor, readonly Maybe[]>, nodes: ReadonlySet<Tensor>, rules: RuleSet) {
    this.#seeds = seeds;
    this.#nodes = nodes;
    this.#rules = rules;
    this.#oldest = Math.min(...[...seeds.keys()].map((t) => t.id));
  }

  /** The derivative of order k of a node; of order 0, its value. */
  at(t: Tensor, k: number): Maybe {
    const moved = this.#moved.get(t);
    if (moved) return this.at(moved, k + 1);
    if (k === 0 && !this.#holdsVelocity(t)) return t;
    const seed = this.#seeds.get(t);
    if (seed) return seed[k - 1];
    if (!this.#nodes.has(t) && !this.#moves(t)) return k === 0 ? this.#still(t) : undefined;
    if (t.primitive === outputPrimitive) return this.#all(t.inputs[0]!, k)[(t.params as { index: number }).index];
    return this.#all(t, k)[0];
  }

  /** A part of a rate that no derivative flows through, such as a condition: what it is for the velocities along the curve. */
  #still(t: Tensor): Tensor {
    const velocities = [...dependents([t], this.#moved.keys())].filter((node) => this.#moved.has(node));
    return substitute([t], new Map(velocities.map((v) => [v, this.at(v, 0) ?? zerosLike(v)])))[0]!;
  }

  /** For each output of a node. */
  #all(t: Tensor, k: number): readonly Maybe[] {
    let orders = this.#orders.get(t);
    if (!orders) this.#orders.set(t, (orders = []));
    return (orders[k] ??= withSite(t.site, () => this.#derive(t, k)));
  }

  #derive(t: Tensor, k: number): readonly Maybe[] {
    const inputs = this.#rules.flows(t);
    const held = inputs.filter((input) => input !== undefined && this.#holdsVelocity(input));
    const moving = held.length > 0 || k > 1 ? inputs.filter((input) => input !== undefined && this.#moves(input)) : [];
    // A node between a velocity and the rate that holds it is linear in it: with all else at rest, it is applied to each order.
    if (held.length > 0 && held.length === moving.length && this.#isJoint(t, held)) return this.#tangent(t, k, held);
    const recurrence = this.#rules.preferred(t.primitive, "jet");
    if (recurrence) {
      const series = inputs.map((input) => (input ? Array.from({ length: k + 1 }, (_, i) => this.at(input, i)) : []));
      const outputs = outputsOf(t);
      const found = outputs.map((y) => Array.from({ length: k }, (_, i) => this.at(y, i)));
      const given = recurrence({ params: t.params, inputs: t.inputs, outputs, order: k, series, found, rules: this.#rules });
      checkTangents(t, "jet", given);
      return given;
    }
    if (held.length === 0 && (k === 1 || this.#isLinear(t))) return this.#tangent(t, k, inputs);
    if (this.#isProduct(t, moving)) return this.#product(t, k, moving);
    if (k === 0) return this.#tangent(t, k, held);
    return this.#rate(t).map((rate) => rate && this.at(rate, k - 1));
  }

  /** Leibniz' rule for a node that is linear in each of two inputs: it is applied to each pair of their orders. */
  #product(t: Tensor, k: number, [a, b]: readonly Maybe[]): readonly Maybe[] {
    const orders = (x: Tensor): Maybe[] => Array.from({ length: k + 1 }, (_, i) => this.at(x, i));
    const [as, bs] = [orders(a!), orders(b!)];
    return t.outputs.map((_, output) => {
      const applied = (x: Tensor, y: Tensor): Tensor => {
        const inputs = t.inputs.map((input) => (input === a ? x : input === b ? y : input));
        return applyMany(t.primitive, t.params, inputs)[output]!;
      };
      return leibniz(applied, as, bs, k);
    });
  }

  #isJoint(t: Tensor, held: readonly Maybe[]): boolean {
    let joint = this.#joint.get(t);
    if (joint === undefined) this.#joint.set(t, (joint = this.#linearIn(t, held)));
    return joint;
  }

  #isProduct(t: Tensor, moving: readonly Maybe[]): boolean {
    const [a, b] = moving;
    if (moving.length !== 2 || a === b) return false;
    let product = this.#products.get(t);
    if (product === undefined)
      this.#products.set(t, (product = this.#linearIn(t, [a]) && this.#linearIn(t, [b]) && !this.#linearIn(t, [a, b])));
    return product;
  }

  /** Whether a node is linear in some inputs together: its tangent by them does not ask for them. Judged with stand-ins, which are not made of each other. */
  #linearIn(t: Tensor, some: readonly Maybe[]): boolean {
    const stands = new Map(t.inputs.filter((input) => this.#moves(input)).map((input) => [input, placeholderLike(input)]));
    const alike = apply(
      t.primitive,
      t.params,
      t.inputs.map((input) => stands.get(input) ?? input),
    );
    const tangents = this.#rules.flows(t).map((input) => (input && some.includes(input) ? placeholderLike(input) : undefined));
    const pushed = tangentsOf(alike, tangents, this.#rules, "forward", "jet").filter((d) => d !== undefined);
    const own = some.map((input) => stands.get(input!)!);
    const oldest = Math.min(...own.map((stand) => stand.id));
    return !topological(pushed, (node) => node.id >= oldest).some((node) => own.includes(node));
  }

  /** The jvp rule, applied to derivatives of one order of some inputs. */
  #tangent(t: Tensor, k: number, through: readonly Maybe[]): readonly Maybe[] {
    const tangents = this.#rules.flows(t).map((input) => (input && through.includes(input) ? this.at(input, k) : undefined));
    const pushed = tangentsOf(t, tangents, this.#rules, "forward", "jet");
    // A rule may look at the node's own value, and that may be made of velocities.
    return pushed.map((d) => (d && this.#holdsVelocity(d) ? this.#still(d) : d));
  }

  /** The derivatives of a node's outputs along the curve, as a graph over the velocities of its inputs. */
  #rate(t: Tensor): readonly Maybe[] {
    let rates = this.#rates.get(t);
    if (!rates) {
      const velocities = this.#rules.flows(t).map((input) => (input && this.#moves(input) ? this.#velocityOf(input) : undefined));
      rates = withSite(t.site, () => tangentsOf(t, velocities, this.#rules, "forward", "jet"));
      this.#rates.set(t, rates);
    }
    return rates;
  }

  #velocityOf(t: Tensor): Tensor {
    let velocity = this.#velocities.get(t);
    if (!velocity) {
      this.#velocities.set(t, (velocity = placeholderLike(t)));
      this.#moved.set(velocity, t);
      this.#oldestVelocity = Math.min(this.#oldestVelocity, velocity.id);
    }
    return velocity;
  }

  /** Whether a node changes along the curve, as far as rules tell. */
  #moves(t: Tensor): boolean {
    const { flows } = this.#rules;
    for (const node of topological([t], (n) => n.id >= this.#oldest && !this.#moving.has(n), flows)) {
      const origin = this.#seeds.has(node) || this.#moved.has(node);
      this.#moving.set(node, origin || (flows(node).some((input) => input && this.#moving.get(input)) && this.#transmits(node)));
    }
    return this.#moving.get(t) ?? false;
  }

  #transmits(t: Tensor): boolean {
    const [node, index] = t.primitive === outputPrimitive ? [t.inputs[0]!, (t.params as { index: number }).index] : [t, undefined];
    if (this.#rules.preferred(node.primitive, "jet")) return isInexact(t.dtype);
    const rates = this.#rate(node);
    return index === undefined ? rates.some((rate) => rate !== undefined) : rates[index] !== undefined;
  }

  /** Whether a node is part of a rate: it holds a velocity. */
  #holdsVelocity(t: Tensor): boolean {
    if (t.id < this.#oldestVelocity) return false;
    if (this.#moved.has(t)) return true;
    let holds = this.#holding.get(t);
    if (holds === undefined) this.#holding.set(t, (holds = t.inputs.some((input) => this.#holdsVelocity(input))));
    return holds;
  }

  /** Whether the rate of a node moves by its velocities alone: then its orders are tangents, each of the same order of the inputs. */
  #isLinear(t: Tensor): boolean {
    let linear = this.#linear.get(t);
    if (linear === undefined) this.#linear.set(t, (linear = this.#rate(t).every((rate) => !rate || this.#onlyVelocities(rate, new Set()))));
    return linear;
  }

  #onlyVelocities(t: Tensor, seen: Set<Tensor>): boolean {
    if (seen.has(t) || this.#moved.has(t)) return true;
    seen.add(t);
    if (!this.#holdsVelocity(t)) return !this.#moves(t);
    return t.inputs.every((input) => this.#onlyVelocities(input, seen));
  }
}
