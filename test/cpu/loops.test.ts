/** Compiled loop nests compute what the interpreter computes, bit by bit, and write nothing else. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import * as e from "../../kernel/expr.ts";
import { body, type Kernel, loopKernel } from "../../kernel/kernel.ts";
import { arrayOf, type Storage } from "../../core/dtype.ts";
import { arithmetic, comparisons, expectAgreement, lanes, someLoop, specials, tape, unary } from "./cases.ts";

/** A kernel from one row of numbers to one of as many. */
const expectRowAgreement = (kernel: Kernel, data: Float32Array): void =>
  expectAgreement({
    kernel,
    sizes: [data.length],
    reads: [{ data, offset: 0, strides: [1] }],
    writes: [{ storage: "f32", length: data.length, offset: 0, strides: [1] }],
    uniforms: [],
  });

const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 10, max: 40 }) },
);
const sizes = fc.array(size, { minLength: 1, maxLength: 4 });

test("elementwise kernels agree with the interpreter", () => {
  fc.assert(
    fc.property(tape, sizes, (numbers, s) => expectAgreement(someLoop(numbers, s))),
    { numRuns: 800 },
  );
});

/** One output of each expression over two reads of a type, on all pairs of special values; bools are made of u32. */
function expectOnSpecials(storage: Storage, values: (x: e.Expr, y: e.Expr) => e.Expr[]): void {
  const list = specials[storage];
  const n = list.length ** 2;
  const pair = (second: boolean) =>
    new (arrayOf(storage))(Array.from({ length: n }, (_, i) => list[second ? i % list.length : Math.floor(i / list.length)]!));
  const outputs = values(e.read(0, storage), e.read(1, storage));
  const storages = outputs.map((v): Storage => (v.type === "bool" ? "u32" : v.type));
  const access = (s: Storage) => ({ storage: s, inner: 1 }) as const;
  expectAgreement({
    kernel: loopKernel(1, [access(storage), access(storage)], storages.map(access), body([storage, storage], outputs), undefined),
    sizes: [n],
    reads: [false, true].map((second) => ({ data: pair(second), offset: 0, strides: [1] })),
    writes: storages.map((s) => ({ storage: s, length: n, offset: 0, strides: [1] })),
    uniforms: [],
  });
}

test.each(["f32", "f64", "i32", "u32"] as const)("every operation on %s agrees on special values", (type) => {
  expectOnSpecials(type, (x, y) => [
    ...arithmetic[type].map((op) => e[op as "add"](x, y)),
    ...unary[type].map((op) => e[op as "neg"](x)),
    ...comparisons.map((op) => e[op](x, y)),
    ...comparisons.map((op) => e.select(e[op](x, y), x, y)),
    ...lanes.map((to) => e.convert(to, x)),
  ]);
});

test("every operation on bool agrees", () => {
  expectOnSpecials("u32", (x, y) => {
    const [a, b] = [e.convert("bool", x), e.gt(y, e.constant("u32", 5))];
    return [
      ...arithmetic.bool.map((op) => e[op](a, b)),
      e.not(a),
      ...comparisons.map((op) => e[op](a, b)),
      ...lanes.map((to) => e.convert(to, a)),
      e.select(b, a, e.constant("bool", 1)),
    ];
  });
});

test("shifts by constants and by values agree", () => {
  for (const type of ["i32", "u32"] as const)
    expectOnSpecials(type, (x) => [0, 1, 31, 32, 40].flatMap((by) => [e.shl(x, e.constant(type, by)), e.shr(x, e.constant(type, by))]));
});

test("every function of Math agrees", () => {
  const ofTwo = ["atan2", "pow"] as const;
  const ofOne = e.mathFunctions.filter((fn) => !ofTwo.some((two) => two === fn));
  expectOnSpecials("f64", (x, y) => [...ofOne.map((fn) => e.call(fn, x)), ...ofTwo.map((fn) => e.call(fn, x, y))]);
});

test("lanes beyond the end touch no memory of their own", () => {
  const far = 2 ** 29;
  const access = (inner: 0 | 1 | "strided") => ({ storage: "f32", inner }) as const;
  // One element at an enormous stride.
  const strided = loopKernel(1, [access("strided")], [access("strided")], body(["f32"], [e.read(0, "f32")]), undefined);
  expectAgreement({
    kernel: strided,
    sizes: [1],
    reads: [{ data: Float32Array.of(7), offset: 0, strides: [far] }],
    writes: [{ storage: "f32", length: 1, offset: 0, strides: [far] }],
    uniforms: [],
  });
  // Positions that are garbage beyond the end, and an element that exists for the first position alone.
  const gather = loopKernel(
    1,
    [{ storage: "i32", inner: 1 }, access(0)],
    [access(1), access(1)],
    body(
      ["i32", "f32"],
      [e.at(1, "f32", e.read(0, "i32")), e.at(1, "f32", e.read(0, "i32"), e.ge(e.read(0, "i32"), e.constant("i32", 0)))],
    ),
    undefined,
  );
  const masked = loopKernel(
    1,
    [access("strided")],
    [access(1)],
    body(["f32"], [e.read(0, "f32", e.lt(e.index(0), e.constant("i32", 1)))]),
    undefined,
  );
  for (let n = 1; n < 8; n++) {
    const positions = Int32Array.from({ length: 12 }, (_, i) => (i < n ? i % 3 : far + i));
    expectAgreement({
      kernel: gather,
      sizes: [n],
      reads: [
        { data: positions, offset: 0, strides: [1] },
        { data: Float32Array.of(1, 2, 3), offset: 0, strides: [0] },
      ],
      writes: [0, 1].map(() => ({ storage: "f32", length: n, offset: 0, strides: [1] }) as const),
      uniforms: [],
    });
    expectAgreement({
      kernel: masked,
      sizes: [n],
      reads: [{ data: Float32Array.of(5), offset: 0, strides: [far] }],
      writes: [{ storage: "f32", length: n, offset: 0, strides: [1] }],
      uniforms: [],
    });
  }
});

const folds = fc.constantFrom("sum", "prod", "max", "min", "argmax", "argmin", "cumsum", "cumprod", "cummax", "cummin");
test("reductions agree with the interpreter", () => {
  fc.assert(
    fc.property(tape, fc.array(size, { minLength: 0, maxLength: 2 }), size, folds, (numbers, outer, n, fold) =>
      expectAgreement(someLoop(numbers, [...outer, n], fold)),
    ),
    { numRuns: 800 },
  );
});

test("reductions agree with the interpreter at every length around whole blocks", () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 1500 }), fc.constantFrom(255, 256, 257, 511, 512, 513, 768, 1024, 1025, 1280));
  fc.assert(
    fc.property(tape, fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 0, maxLength: 1 }), length, folds, (numbers, outer, n, fold) =>
      expectAgreement(someLoop(numbers.slice(0, 60), [...outer, n], fold)),
    ),
    { numRuns: 300 },
  );
});

/** One fold along four rows of `n` elements, and down as many columns as make two cache lines and a rest. */
function expectFold(storage: "f32" | "f64", fold: "sum" | "prod" | "max" | "min", n: number, element: (i: number) => number): void {
  const expectOver = (count: number, inner: 1 | "strided", strides: [number, number]): void =>
    expectAgreement({
      kernel: loopKernel(2, [{ storage, inner }], [{ storage, inner: 1 }], body([storage], [e.read(0, storage)]), fold),
      sizes: [count, n],
      reads: [{ data: new (arrayOf(storage))(Array.from({ length: count * n }, (_, i) => element(i))), offset: 0, strides }],
      writes: [{ storage, length: count, offset: 0, strides: [1] }],
      uniforms: [],
    });
  expectOver(4, 1, [n, 1]);
  expectOver(38, "strided", [1, 38]);
}

test("reductions of many columns agree with the interpreter", () => {
  const depth = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(255, 256, 257, 513));
  fc.assert(
    fc.property(tape, fc.integer({ min: 1, max: 2 }), fc.integer({ min: 15, max: 40 }), depth, folds, (numbers, outer, columns, n, fold) =>
      expectAgreement(someLoop(numbers.slice(0, 60), [outer, columns, n], fold)),
    ),
    { numRuns: 200 },
  );
});

test.each(["f32", "f64"] as const)("long sums and products of %s agree, several blocks or columns at a time", (storage) => {
  for (const n of [1024, 1279, 1280, 1536, 2047, 2048, 2049, 2304, 3072, 4095, 5376, 9001]) {
    expectFold(storage, "sum", n, (i) => Math.sin(i));
    expectFold(storage, "prod", n, (i) => 1 + Math.sin(i) / 8);
  }
});

test.each(["f32", "f64"] as const)("maxima and minima of %s get the sign of zero and NaN right at every length", (storage) => {
  const rare = fc.constantFrom(0.5, 0.05, 0.002);
  const length = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(255, 256, 257, 511, 512, 700, 1023, 1024, 1300, 2100));
  fc.assert(
    fc.property(fc.constantFrom("max", "min"), length, rare, fc.boolean(), fc.nat(), (fold, n, share, nan, seed) => {
      let state = (seed % 65536) + 1;
      const next = (): number => (state = (Math.imul(state, 48271) >>> 0) % 2147483647) / 2147483647;
      // The extreme is a zero: of either sign, in few places or many, beside what is no extreme.
      const sign = fold === "max" ? 1 : -1;
      const [often, seldom] = next() < 0.5 ? [0, -0] : [-0, 0];
      const few = [seldom, ...(nan ? [NaN] : [])];
      expectFold(storage, fold, n, () =>
        next() < share ? few[Math.floor(next() * few.length)]! : next() < 0.3 ? often : sign * (-1 - next()),
      );
    }),
    { numRuns: 100 },
  );
});

test("prefix sums agree over more than 256 blocks", () => {
  const kernel = loopKernel(1, [{ storage: "f32", inner: 1 }], [{ storage: "f32", inner: 1 }], body(["f32"], [e.read(0, "f32")]), "cumsum");
  for (const n of [65536, 65537, 65536 + 300, 3 * 65536 + 5]) {
    const data = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
    expectRowAgreement(kernel, data);
  }
});

test("what only the rare side needs is computed where some lane takes it", () => {
  const x = e.read(0, "f32");
  const shared = e.mul(x, x);
  const slow = e.add(e.sqrt(shared), e.mul(shared, e.constant("f32", 3)));
  const value = e.rare(e.gt(x, e.constant("f32", 10)), e.rare(e.gt(x, e.constant("f32", 20)), e.neg(slow), slow), e.add(shared, x));
  const kernel = loopKernel(1, [{ storage: "f32", inner: 1 }], [{ storage: "f32", inner: 1 }], body(["f32"], [value]), undefined);
  for (let n = 1; n < 40; n++) {
    const data = Float32Array.from({ length: n }, (_, i) => (i * 7) % 23);
    expectRowAgreement(kernel, data);
  }
});

test("the rare side finds what was computed outside of the loops, although its locals were reused", () => {
  const x = e.read(0, "f32");
  const hoisted = [e.convert("f32", e.uniform(0))];
  for (let i = 0; i < 6; i++) hoisted.push(e.add(e.mul(hoisted[i]!, hoisted[i]!), e.constant("f32", i)));
  const value = e.rare(e.gt(x, e.constant("f32", 3)), e.add(e.add(hoisted[1]!, hoisted[2]!), x), e.add(hoisted[6]!, x));
  const kernel = loopKernel(1, [{ storage: "f32", inner: 1 }], [{ storage: "f32", inner: 1 }], body(["f32"], [value]), undefined);
  expectAgreement({
    kernel,
    sizes: [8],
    reads: [{ data: Float32Array.of(1, 2, 3, 4, 5, 0, 9, 1), offset: 0, strides: [1] }],
    writes: [{ storage: "f32", length: 8, offset: 0, strides: [1] }],
    uniforms: [2],
  });
});

test("long chains compile without recursion", () => {
  let x = e.read(0, "f32");
  for (let i = 0; i < 20_000; i++) x = e.add(x, e.constant("f32", 1));
  const kernel = loopKernel(1, [{ storage: "f32", inner: 1 }], [{ storage: "f32", inner: 1 }], body(["f32"], [x]), undefined);
  const backend = cpu();
  const [from, to] = [backend.allocate(20), backend.allocate(20)];
  backend.write(from, Float32Array.of(1, 2, 3, 4, 5));
  backend
    .prepare([
      {
        kind: "run",
        steps: [
          {
            kernel,
            sizes: [5],
            reads: [{ buffer: from, offset: 0, strides: [1] }],
            writes: [{ buffer: to, offset: 0, strides: [1] }],
            uniforms: [],
          },
        ],
      },
    ])
    .run();
  expect([...backend.view(to, "f32", 5)]).toEqual([20001, 20002, 20003, 20004, 20005]);
});
