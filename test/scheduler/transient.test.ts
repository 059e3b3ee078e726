/** The arena: no two values that are needed at the same time lie in the same place, and it is little larger than the largest set of those. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { add, read } from "../../kernel/expr.ts";
import { body, type Slot, type Step } from "../../kernel/kernel.ts";
import { loop } from "../../kernel/lowering.ts";
import { contiguous, type View } from "../../kernel/view.ts";
import { depthFirst } from "../../scheduler/order.ts";
import { layOut } from "../../scheduler/transient.ts";

const lengths = [16, 100, 256, 1000, 4096, 10_000];
interface Spec {
  readonly length: number;
  readonly reads: readonly number[];
  readonly outputs: number;
  readonly backwards: boolean;
}
const spec: fc.Arbitrary<Spec> = fc.record({
  length: fc.nat(lengths.length - 1),
  // How far back, so that most values die soon and some late.
  reads: fc.array(fc.oneof(fc.nat(1), fc.nat(4), fc.nat(30)), { minLength: 1, maxLength: 3 }),
  outputs: fc.constantFrom(1, 1, 1, 2),
  backwards: fc.nat(5).map((k) => k === 0),
});

/** Elementwise steps: operands of the same length are walked from the front or from behind, others stand still. */
function build(specs: readonly Spec[]): Step[] {
  const pool: View[] = [];
  return specs.map(({ length, reads, outputs, backwards }) => {
    const n = lengths[length]!;
    const seen = (v: View): View => {
      if (v.shape[0] !== n) return { ...v, shape: [n], strides: [0] };
      return backwards ? { ...v, offset: n - 1, strides: [-1] } : v;
    };
    const from = pool.length === 0 ? [] : reads.map((back) => seen(pool[Math.max(0, pool.length - 1 - back)]!));
    const value = from.map((_, i) => read(i, "f32")).reduce(add, read(0, "f32"));
    const writes = Array.from({ length: outputs }, () => contiguous("f32", [n]));
    pool.push(...writes);
    const inputs = from.length > 0 ? from : [contiguous("f32", [n])];
    return loop({
      shape: [n],
      body: body(
        inputs.map(() => "f32"),
        writes.map(() => value),
      ),
      reads: inputs,
      writes,
    });
  });
}

const bytesOf = (slot: Slot): number => 4 * (slot.length as number);

/** Throws when two values are in each other's way. */
function check(steps: readonly Step[]): { readonly bytes: number; readonly live: number; readonly takenOver: number } {
  const written = new Set(steps.flatMap((s) => s.writes.map((w) => w.slot)));
  const { offsets, bytes, live } = layOut(steps, (slot) => written.has(slot), bytesOf);
  const life = [...written].map((slot) => {
    const at = steps.flatMap((s, i) => ([...s.reads, ...s.writes].some((o) => o.slot === slot) ? [i] : []));
    return { slot, first: at[0]!, last: at.at(-1)!, offset: offsets.get(slot)!, end: offsets.get(slot)! + bytesOf(slot) };
  });
  let takenOver = 0;
  for (const a of life)
    for (const b of life) {
      if (a === b || a.last < b.first || b.last < a.first || a.end <= b.offset || b.end <= a.offset) continue;
      const [old, young] = a.first < b.first ? [a, b] : [b, a];
      const step = steps[young.first]!;
      const inPlace = [...step.reads, ...step.writes].filter((o) => o.slot === old.slot || o.slot === young.slot);
      expect({ last: old.last, offset: old.offset, end: old.end }).toEqual({ last: young.first, offset: young.offset, end: young.end });
      expect(old.first).toBeLessThan(young.first);
      expect(inPlace.every((o) => o.offset === 0 && o.strides[0] === 1)).toBe(true);
      takenOver++;
    }
  expect(bytes).toBeGreaterThanOrEqual(live);
  return { bytes, live, takenOver };
}

it("keeps values apart that are needed at the same time, in any order of steps, and is at most a quarter larger than the largest live set", () => {
  let takenOver = 0;
  fc.assert(
    fc.property(fc.array(spec, { minLength: 2, maxLength: 60 }), (specs) => {
      const steps = build(specs);
      for (const order of [steps, depthFirst(steps)]) {
        const figures = check(order);
        takenOver += figures.takenOver;
        // Offsets are multiples of 64, which small values notice.
        expect(figures.bytes).toBeLessThanOrEqual(1.25 * figures.live + 256);
      }
    }),
    { numRuns: 300 },
  );
  expect(takenOver).toBeGreaterThan(100);
});

it("lets one value only take over another's place", () => {
  const [a, b, c, d] = [0, 1, 2, 3].map(() => contiguous("f32", [1000]));
  const one = (reads: View[], writes: View[]): Step =>
    loop({
      shape: [1000],
      body: body(
        reads.map(() => "f32"),
        writes.map(() => read(0, "f32")),
      ),
      reads,
      writes,
    });
  // c is written and never read: it is as short-lived as can be, and b must not lie over it.
  const steps = [one([d!], [a!]), one([a!], [c!, b!]), one([b!], [contiguous("f32", [1000])])];
  expect(check(steps)).toMatchObject({ live: 8000, bytes: 8000 + 2 * (4032 - 4000) });
});

it("orders a tree of steps so that few values are alive at a time", () => {
  const leaf = contiguous("f32", [1000]);
  const unary = (v: View): Step =>
    loop({ shape: [1000], body: body(["f32"], [read(0, "f32")]), reads: [v], writes: [contiguous("f32", [1000])] });
  const join = (u: View, v: View): Step =>
    loop({
      shape: [1000],
      body: body(["f32", "f32"], [add(read(0, "f32"), read(1, "f32"))]),
      reads: [u, v],
      writes: [contiguous("f32", [1000])],
    });
  const out = (s: Step): View => s.loop!.writes[0]!;
  // Level by level: 64 leaves, then 32 sums, and so on.
  const steps: Step[] = [];
  let level = Array.from({ length: 64 }, () => unary(leaf));
  while (level.length > 1) {
    steps.push(...level);
    level = Array.from({ length: level.length / 2 }, (_, i) => join(out(level[2 * i]!), out(level[2 * i + 1]!)));
  }
  steps.push(...level);
  expect(check(steps).live).toBe(64 * 4000);
  expect(check(depthFirst(steps)).live).toBe(7 * 4000);
});
