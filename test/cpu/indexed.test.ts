/** scatterAdd and argsort agree with the interpreter and write nothing else. */
import fc from "fast-check";
import { test } from "vitest";
import { arrayOf, type Storage } from "../../core/dtype.ts";
import { argsortKernel, scatterAddKernel } from "../../kernel/kernel.ts";
import { expectAgreement, someData, Tape, tape } from "./cases.ts";

const storages = fc.constantFrom<Storage>("f32", "f64", "i32", "u32");

test("scatterAdd agrees with the interpreter: repeated, dropped and absent indices, rows of any length", () => {
  const sizes = fc.tuple(
    fc.integer({ min: 1, max: 2 }),
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 0, max: 6 }),
    fc.integer({ min: 0, max: 11 }),
    fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(1000, 1300, 3000)),
  );
  fc.assert(
    fc.property(tape, storages, sizes, (numbers, storage, [b, o, n, i, m]) => {
      const t = new Tape(numbers);
      const seed = t.below(1000);
      const indices = Int32Array.from({ length: b * m }, (_, p) => ((Math.imul(p + seed, 40503) >>> 8) % (n + 3)) - 1);
      const row = (length: number) => ({ data: someData(t, storage, length), offset: 0, strides: [1] });
      expectAgreement({
        kernel: scatterAddKernel(storage),
        sizes: [b, o, n, i, m],
        reads: [row(b * o * n * i), { data: indices, offset: 0, strides: [1] }, row(b * o * m * i)],
        writes: [{ storage, length: b * o * n * i, offset: 0, strides: [1] }],
        uniforms: [],
      });
    }),
    { numRuns: 150 },
  );
});

test("argsort agrees with the interpreter: ties keep their order, NaN is last", () => {
  fc.assert(
    fc.property(
      tape,
      storages,
      fc.integer({ min: 0, max: 3 }),
      fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 200, max: 300 })),
      fc.boolean(),
      (numbers, storage, rows, n, few) => {
        const t = new Tape(numbers);
        const data = someData(t, storage, rows * n);
        const keys = few ? new (arrayOf(storage))([...data].map((x) => (Number.isNaN(x) ? x : x % 3))) : data;
        expectAgreement({
          kernel: argsortKernel(storage),
          sizes: [rows, n],
          reads: [{ data: keys, offset: 0, strides: [1] }],
          writes: [{ storage: "i32", length: rows * n, offset: 0, strides: [1] }],
          uniforms: [],
        });
      },
    ),
    { numRuns: 300 },
  );
});
