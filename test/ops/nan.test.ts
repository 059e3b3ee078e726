/** Which NaN an operation gets, of either sign and with any payload, shows in no number that comes out: only then may fusion rewrite arithmetic. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Tensor } from "../../core/tensor.ts";
import { cpu } from "../../cpu/backend.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import * as activations from "../../ops/activations.ts";
import * as arithmetic from "../../ops/arithmetic.ts";
import * as compare from "../../ops/compare.ts";
import { convert } from "../../ops/convert.ts";
import * as floating from "../../ops/floating.ts";
import * as functions from "../../ops/functions.ts";
import { softmax } from "../../ops/softmax.ts";
import * as piecewise from "../../ops/piecewise.ts";
import * as polar from "../../ops/polar.ts";
import * as power from "../../ops/power.ts";
import * as reductions from "../../ops/reductions.ts";
import { searchsorted } from "../../ops/searchsorted.ts";
import { sinc } from "../../ops/sinc.ts";
import { argsort, sort } from "../../ops/sort.ts";
import * as special from "../../ops/special.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";

const { add, mul, neg, sub } = arithmetic;

const engines: Engine[] = [];
beforeAll(async () => {
  const one = { threads: 1 };
  engines.push(
    await createEngine({ backend: cpu(one), fusion: false }),
    await createEngine({ backend: cpu(one) }),
    await createEngine({ backend: interpreter() }),
  );
});
afterAll(() => Promise.all(engines.map((e) => e.dispose())));

/** What each engine gives for a function of data. */
const everywhere = (f: (...x: Tensor[]) => Tensor, ...data: readonly (Float32Array | Float64Array)[]): Promise<number[][]> =>
  Promise.all(
    engines.map(async (engine) => {
      const sources = data.map((d) => engine.variable(d));
      const { data: out } = await engine.read(f(...sources));
      for (const s of sources) engine.release(s);
      return Array.from(out as ArrayLike<number>);
    }),
  );

/** NaNs by their heads: positive and negative, quiet and signalling, with little and much behind. */
const heads = [0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff];
const wideHeads = [0x7ff80000, 0xfff80000, 0x7ff00001, 0xfff00001, 0x7fffffff, 0xffffffff];
const nans = {
  float32: new Float32Array(Uint32Array.from(heads).buffer),
  float64: new Float64Array(Uint32Array.from(wideHeads.flatMap((head) => [1, head])).buffer),
};
const partners = [0, -0, 1, -1, 2.5, -3, 1e-40, 1e30, Infinity, -Infinity, NaN];

type Operation = (...x: unknown[]) => unknown;
const modules = { activations, compare, floating, functions, piecewise, polar, power, special, arithmetic, reductions };
const operations = Object.values(modules).flatMap((module) =>
  Object.entries(module).filter((entry): entry is [string, Operation] => typeof entry[1] === "function" && entry[0] !== "define"),
);
/** What an operation makes of its operands; undefined where they do not fit it. */
function applied(f: Operation, ...x: readonly unknown[]): Tensor | undefined {
  try {
    const t = f(...x);
    return t instanceof Tensor ? t : undefined;
  } catch {
    return undefined;
  }
}

it.each(["float32", "float64"] as const)("no elementwise operation or reduction tells one NaN of %s from another", async (dtype) => {
  const count = heads.length * partners.length;
  const x = dtype === "float32" ? new Float32Array(count) : new Float64Array(count);
  // Copied as bytes: a NaN that is read as a number may come out as another.
  heads.forEach((_, i) => partners.forEach((_, j) => x.set(nans[dtype].subarray(i, i + 1), i * partners.length + j)));
  const engine = engines[0]!;
  const a = engine.variable(x, { shape: [heads.length, partners.length] });
  const b = engine.variable(
    heads.map(() => partners),
    { dtype },
  );
  const results = [...operations, ["sinc", sinc] as const, ["convert", (t: never) => convert(t, "int32")] as const].flatMap(([name, f]) =>
    [[a], [a, b], [b, a], [a, 1], [a, -1]]
      .map((operands) => [name, applied(f as Operation, ...operands)] as const)
      .filter((r): r is [string, Tensor] => r[1]?.shape[0] === heads.length),
  );
  expect(results.length).toBeGreaterThan(150);
  const values = await engine.read(results.map(([, t]) => t));
  (values as unknown as { readonly data: ArrayLike<number> }[]).forEach(({ data }, k) => {
    const width = data.length / heads.length;
    for (let i = width; i < data.length; i++)
      if (!Object.is(data[i], data[i % width]))
        expect.fail(`${results[k]![0]}: ${data[i]} beside ${data[i % width]}, for NaN ${Math.floor(i / width)}, partner ${i % width}`);
  });
  engine.release(a);
  engine.release(b);
});

it("copysign takes any NaN as positive, fused or not", async () => {
  for (const data of Object.values(nans))
    for (const y of [(x: Tensor) => x, (x: Tensor) => mul(x, -1), neg, (x: Tensor) => sub(1, x), (x: Tensor) => add(2, neg(x))])
      for (const got of await everywhere((x) => floating.copysign(-3, y(x)), data)) expect(got).toEqual(heads.map(() => 3));
});

it("sorting and searching count all NaNs as equal and greatest", async () => {
  const data = Float32Array.from({ length: 9 }, (_, i) => [3, -Infinity, Infinity][i % 3]! + i);
  [0, 4, 5].forEach((at, i) => data.set(nans.float32.subarray(i, i + 1), at));
  const [sorted, order, places] = [sort, argsort, (x: Tensor) => searchsorted(sort(x), x)].map((f) => everywhere(f as never, data));
  for (const got of await sorted!) expect(got.slice(6)).toEqual([NaN, NaN, NaN]);
  for (const got of await order!) expect(got.slice(6)).toEqual([0, 4, 5]);
  for (const got of await places!) expect([got[0], got[4], got[5]]).toEqual([6, 6, 6]);
  for (const got of await everywhere((x) => softmax(x), data)) expect(got.every(Number.isNaN)).toBe(true);
});

// ---- expressions that fusion rewrites

type Step = readonly [op: number, operand: number];
const steps: readonly ((y: Tensor, x: Tensor) => Tensor)[] = [
  (y) => mul(y, -1),
  (y) => neg(y),
  (y, x) => add(y, neg(x)),
  (y, x) => add(neg(y), x),
  (y, x) => sub(y, neg(x)),
  (y, x) => sub(x, mul(y, -1)),
  (y, x) => mul(y, x),
  (y, x) => piecewise.maximum(y, x),
  (y) => piecewise.abs(y),
  (y) => functions.sin(y),
  (y, x) => floating.copysign(y, x),
  (y) => mul(y, 1),
];
it("expressions that end in copysign have the same bits fused, unfused and interpreted, over data with NaN and infinities", async () => {
  const someData = fc
    .array(fc.constantFrom(NaN, Infinity, -Infinity, 0, -0, 1, -2.5, 1e30), { minLength: 12, maxLength: 12 })
    .map((v) => Float32Array.from(v));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(steps.length - 1), fc.nat(1)) as fc.Arbitrary<Step>, { minLength: 1, maxLength: 7 }),
      someData,
      someData,
      async (program, a, b) => {
        const f = (x: Tensor, y: Tensor): Tensor => {
          const sign = program.reduce((t, [op, operand]) => steps[op]!(t, [x, y][operand]!), x);
          return floating.copysign(add(piecewise.abs(floating.nanToNum(y)), 1), sign);
        };
        const [unfused, ...others] = await everywhere(f, a, b);
        for (const got of others) expect(got).toEqual(unfused);
      },
    ),
    { numRuns: 80 },
  );
});
