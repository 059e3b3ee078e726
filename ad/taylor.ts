/**
 * Taylor mode: the derivatives of nodes along a curve through the leaves, to any order, in one walk. Derivatives, not Taylor
 * coefficients: order k is d^k/ds^k, so that the derivative of a series is the series moved by one.
 *
 * Every rule follows from the jvp rule of a primitive. With y = f(x), the jvp rule builds y' = J(x, y) x' as a graph; along a curve, order
 * k of y is order k - 1 of that graph, which asks for lower orders of x and y only. That is the differential equation that f
 * satisfies, and the usual recurrences (of exp, of sin and cos together, of sqrt, of powers) are what comes out of it. Where the graph is
 * linear in x' and still along the curve (structural primitives, piecewise linear ones), the primitive's tangent of order k is
 * order k at once. Products and quotients have recurrences of their own.
 */
import { dependents, topological } from "../core/graph.ts";
import { withSite } from "../core/site.ts";
import { outputPrimitive, outputsOf, type Tensor } from "../core/tensor.ts";
import { type Maybe, type RuleSet } from "../ops/primitive.ts";
import { tangentsOf } from "./pushforward.ts";
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
    if (!this.#nodes.has(t) && !this.#moves(t)) return undefined;
    if (t.primitive === outputPrimitive) return this.#all(t.inputs[0]!, k)[(t.params as { index: number }).index];
    return this.#all(t, k)[0];
  }

  /** For each output of a node. */
  #all(t: Tensor, k: number): readonly Maybe[] {
    let orders = this.#orders.get(t);
    if (!orders) this.#orders.set(t, (orders = []));
    return (orders[k] ??= withSite(t.site, () => this.#derive(t, k)));
  }

  #derive(t: Tensor, k: number): readonly Maybe[] {
    const inputs = this.#rules.flows(t);
    const velocities = inputs.map((input) => input !== undefined && this.#holdsVelocity(input));
    // A node between a velocity and the rate that holds it is linear in it: with all else at rest, it is applied to each order.
    if (velocities.includes(true)) {
      const still = inputs.every((input, i) => velocities[i] || !input || !this.#moves(input));
      if (still || k === 0) return this.#tangent(t, k, (_, i) => velocities[i]!);
    }
    const recurrence = this.#rules.preferred(t.primitive, "jet");
    if (recurrence) {
      const series = t.inputs.map((input) => Array.from({ length: k + 1 }, (_, i) => this.at(input, i)));
      const outputs = outputsOf(t);
      const found = outputs.map((y) => Array.from({ length: k }, (_, i) => this.at(y, i)));
      return recurrence({ params: t.params, inputs: t.inputs, outputs, order: k, series, found });
    }
    if (!velocities.includes(true) && (k === 1 || this.#isLinear(t))) return this.#tangent(t, k, () => true);
    return this.#rate(t).map((rate) => rate && this.at(rate, k - 1));
  }

  /** The jvp rule, applied to derivatives of one order of those inputs that `through` picks. */
  #tangent(t: Tensor, k: number, through: (input: Tensor, i: number) => boolean): readonly Maybe[] {
    const tangents = this.#rules.flows(t).map((input, i) => (input && through(input, i) ? this.at(input, k) : undefined));
    return tangentsOf(t, tangents, this.#rules, "forward", "jet");
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
    if (t.primitive === outputPrimitive || this.#rules.preferred(t.primitive, "jet")) return true;
    return this.#rate(t).some((rate) => rate !== undefined);
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
