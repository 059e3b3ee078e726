/** Cutoffs within a tolerance: what is held back, from what it is measured, and how far the rest is from what an exact engine gives. */
import "../../ops/methods.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grad } from "../../ad/grad.ts";
import { constant } from "../../core/leaves.ts";
import type { Variable } from "../../core/source.ts";
import type { Tensor } from "../../core/tensor.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { addN } from "../../ops/addN.ts";
import { mul, neg } from "../../ops/arithmetic.ts";
import { tanh } from "../../ops/functions.ts";
import { probe } from "../../ops/identity.ts";
import { reshape } from "../../ops/reshape.ts";
import type { Cutoff } from "../../scheduler/cutoff.ts";
import { createEngine } from "../../scheduler/engine.ts";
import { overBackends, settle, watch } from "./engines.ts";

overBackends("cutoffs within a tolerance", (make) => {
  it("hold the value that went on last until the change from it is too large, for all who read it", async () => {
    for (const [cutoff, tolerance] of [
      [{ absolute: 0.5 }, () => 0.5],
      [{ relative: 0.25 }, (held: number) => 0.25 * Math.abs(held)],
      [{ absolute: 0.1, relative: 0.125 }, (held: number) => 0.1 + 0.125 * Math.abs(held)],
    ] as [Cutoff, (held: number) => number][])
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ x: fc.integer({ min: -24, max: 24 }), other: fc.boolean() }), { minLength: 3, maxLength: 25 }),
          async (changes) => {
            const engine = await make();
            const [x, b] = [engine.variable([1, 2], { dtype: "float64" }), engine.variable(0, { dtype: "float64" })];
            const t = mul(x, 0.25);
            engine.cutoff(t, cutoff);
            const [above, beside] = [watch(engine, neg(t)), watch(engine, mul(t, b))];
            watch(engine, t);
            await settle(engine);
            let held = [0.25, 0.5];
            let at = 0;
            for (const { x: v, other } of changes) {
              if (other) b.set(++at);
              else x.set([v / 4, v / 8]);
              const now = other ? held : [v / 16, v / 32];
              if (now.some((c, i) => Math.abs(c - held[i]!) > tolerance(held[i]!))) held = now;
              await settle(engine);
              expect(above.at(-1)![1]).toEqual(held.map((c) => -c));
              // Whoever reads it later, because something else changed, reads the same.
              expect(beside.at(-1)![1]).toEqual(held.map((c) => c * at));
              expect((await engine.read(t)).toArray()).toEqual(held);
            }
            await engine.dispose();
          },
        ),
        { numRuns: 10 },
      );
  });

  it("leave sources alone that they are views of, and let through what is no number", async () => {
    const engine = await make();
    const x = engine.variable([1, 2, 3, 4]);
    const t = reshape(x, [2, 2]);
    engine.cutoff(t, { absolute: 1 });
    const seen = watch(engine, neg(t));
    await settle(engine);
    x.set([1, 2, 3, 4.5]);
    await settle(engine);
    expect((await engine.read(x)).toArray()).toEqual([1, 2, 3, 4.5]);
    expect(seen).toHaveLength(1);
    x.set([1, 2, 3, NaN]);
    await settle(engine);
    expect(seen.at(-1)![1]).toEqual([
      [-1, -2],
      [-3, NaN],
    ]);
  });

  it("say what they do not take", async () => {
    const engine = await make();
    const t = neg(engine.variable([1, 2]));
    const adjoint = await engine.read(constant([1, 2, 3]));
    const refused: [unknown, RegExp][] = [
      ["near", /"near" is not a cutoff; use "exact", \{ absolute, relative \} or \{ adjoint, below \}/],
      [{}, /takes \{ absolute, relative \} or \{ adjoint, below \}, got \{ {2}\}/],
      [{ absolute: -1 }, /absolute is a number that is not negative, got -1/],
      [{ relative: NaN }, /relative is a number that is not negative, got NaN/],
      [{ adjoint: [1, 2], below: 1 }, /adjoint is a value/],
      [{ adjoint, below: 1 }, /an adjoint of shape \[3\] does not fit/],
      [{ absolute: 1, below: 1 }, /got \{ absolute, below \}/],
    ];
    for (const [cutoff, message] of refused) expect(() => engine.cutoff(t, cutoff as Cutoff)).toThrow(message);
  });
});

// ---- random graphs

const [LAYERS, WIDTH, REGION, ROUNDS] = [8, 24, 3, 40];

/** A random graph: each node the tanh of two weighted nodes of its region in the layer below; a loss in which regions count 10^-6 to 1. */
interface Spec {
  readonly nodes: readonly (readonly (readonly [from: number, weight: number])[])[];
  readonly readout: readonly number[];
  readonly start: readonly number[];
}

function randomSpec(seed: number): Spec {
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const nodes = Array.from({ length: LAYERS * WIDTH }, (_, k) => {
    const region = Math.floor(k / WIDTH) * WIDTH + Math.floor((k % WIDTH) / REGION) * REGION;
    return [0, 1].map(() => [region + Math.floor(next() * REGION), (next() < 0.5 ? -1 : 1) * (0.5 + 0.5 * next())] as const);
  });
  const regions = Array.from({ length: WIDTH / REGION }, () => 10 ** (-6 * next()));
  return {
    nodes,
    readout: Array.from({ length: WIDTH }, (_, i) => regions[Math.floor(i / REGION)]!),
    start: Array.from({ length: WIDTH }, (_, i) => Math.sin(i + seed)),
  };
}

/** The sources as they are dragged about, a little each time: which changes, and to what. */
const drags = ({ start }: Spec): readonly (readonly [source: number, value: number])[] => {
  const values = [...start];
  return Array.from({ length: ROUNDS }, (_, r) => {
    const k = (r * 7) % WIDTH;
    return [k, (values[k]! += 0.02 * Math.sin(1 + r * 1.7))] as const;
  });
};

type Kind = { readonly absolute: number } | { readonly below: number };

interface Course {
  /** How many nodes were computed, and at how many of them a change ended. */
  readonly computed: number;
  readonly ended: number;
  /** The loss after each drag. */
  readonly losses: readonly number[];
  /** Its largest distance from the loss without cutoffs. */
  readonly error: number;
}

/** What cutoffs on all nodes come to, by plain loops. */
function byHand(spec: Spec, kind: Kind): Course {
  const { nodes, readout, start } = spec;
  const last = WIDTH * LAYERS;
  const value = (v: readonly number[], k: number): number => Math.tanh(nodes[k]!.reduce((s, [i, w]) => s + w * v[i]!, 0));
  const all = (sources: readonly number[]): number[] => {
    const v = [...sources];
    nodes.forEach((_, k) => v.push(value(v, k)));
    return v;
  };
  const loss = (v: readonly number[]): number => readout.reduce((s, w, i) => s + w * v[last + i]!, 0);
  const sources = [...start];
  const held = all(sources);
  const adjoint = held.map((_, i) => (i < last ? 0 : readout[i - last]!));
  for (let k = nodes.length - 1; k >= 0; k--)
    for (const [i, w] of nodes[k]!) adjoint[i]! += adjoint[WIDTH + k]! * (1 - held[WIDTH + k]! ** 2) * w;
  // What the loss is not made of, nobody computes.
  const used = new Set(readout.map((_, i) => last + i));
  for (let k = nodes.length - 1; k >= 0; k--) if (used.has(WIDTH + k)) for (const [i] of nodes[k]!) used.add(i);
  const back = held.map(() => 0);
  let [total, computed, ended, error] = [0, 0, 0, 0];
  const losses = drags(spec).map(([source, v]) => {
    held[source] = sources[source] = v;
    const moved = new Set([source]);
    nodes.forEach((inputs, k) => {
      if (!used.has(WIDTH + k) || !inputs.some(([i]) => moved.has(i))) return;
      computed++;
      const at = WIDTH + k;
      const now = value(held, k);
      const change = Math.abs(now - held[at]!);
      const weighed = Math.abs(adjoint[at]!) * change;
      const ends = "absolute" in kind ? change <= kind.absolute : total - back[at]! + weighed < kind.below;
      if (ends) ended++;
      else {
        held[at] = now;
        moved.add(at);
      }
      total += (ends ? weighed : 0) - back[at]!;
      back[at] = ends ? weighed : 0;
    });
    error = Math.max(error, Math.abs(loss(held) - loss(all(sources))));
    return loss(held);
  });
  return { computed, ended, losses, error };
}

/** The same by an engine. */
async function byEngine(spec: Spec, kind: Kind): Promise<Pick<Course, "ended" | "losses">> {
  const engine = await createEngine({ backend: interpreter() });
  const sources = spec.start.map((v) => engine.variable(v, { dtype: "float64" }) as unknown as Variable);
  const all: Tensor[] = [...sources];
  for (const inputs of spec.nodes) all.push(probe(tanh(addN(inputs.map(([i, w]) => mul(all[i]!, w))))));
  const nodes = all.slice(WIDTH);
  const loss = addN(spec.readout.map((w, i) => mul(all[WIDTH * LAYERS + i]!, w)));
  // One by one: of several at once, each is a derivative with the others held.
  const adjoints = "below" in kind ? await engine.read(nodes.map((t) => grad(loss, t) as Tensor)) : [];
  nodes.forEach((t, i) => engine.cutoff(t, "below" in kind ? { adjoint: adjoints[i]!, below: kind.below } : kind));
  const seen: number[] = [];
  let last = NaN;
  engine.observe(loss).subscribe((v) => (last = v.item()));
  await engine.flush();
  const { nodesCutOff } = engine.stats;
  for (const [k, v] of drags(spec)) {
    sources[k]!.set(v);
    await engine.flush();
    seen.push(last);
  }
  const ended = engine.stats.nodesCutOff - nodesCutOff;
  await engine.dispose();
  return { ended, losses: seen };
}

describe("cutoffs on every node of random graphs", () => {
  it.each([{ absolute: 1e-3 }, { below: 1e-4 }])("end changes where loops by hand do: %o", async (kind) => {
    const spec = randomSpec(5);
    const [got, expected] = [await byEngine(spec, kind), byHand(spec, kind)];
    expect(got.ended).toBe(expected.ended);
    got.losses.forEach((loss, r) => expect(Math.abs(loss - expected.losses[r]!)).toBeLessThan(1e-12));
    expect(new Set(got.losses).size).toBeGreaterThan(3);
  });

  it("keep the loss within twice the bound of the adjoint-weighted, at half of the nodes of an absolute tolerance of the same error", () => {
    for (const first of [1, 101, 201]) {
      const specs = Array.from({ length: 8 }, (_, i) => randomSpec(first + i));
      const over = (kind: Kind): { computed: number; error: number } => {
        const courses = specs.map((spec) => byHand(spec, kind));
        return { computed: courses.reduce((n, c) => n + c.computed, 0), error: Math.max(...courses.map((c) => c.error)) };
      };
      const below = 1e-4;
      const weighted = over({ below });
      expect(weighted.error).toBeLessThanOrEqual(2 * below);
      // The largest tolerance that is no worse.
      let absolute = 0.1;
      while (over({ absolute }).error > weighted.error) absolute /= 1.2;
      expect(weighted.computed).toBeLessThanOrEqual(0.5 * over({ absolute }).computed);
    }
  });
});
