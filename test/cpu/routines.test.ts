/** Routines, compiled, agree with the interpreter bit by bit, and write nothing else. */
import fc from "fast-check";
import { test } from "vitest";
import { arrayOf, type Storage } from "../../core/dtype.ts";
import { routineKernel } from "../../kernel/kernel.ts";
import { extentOf, type Routine, storagesOf } from "../../kernel/routine.ts";
import { cholesky } from "../../kernel/routines/cholesky.ts";
import { adjugateOfUpper } from "../../kernel/routines/adjugate.ts";
import { eigh } from "../../kernel/routines/eigh.ts";
import { lu, luSolve } from "../../kernel/routines/lu.ts";
import { qr } from "../../kernel/routines/qr.ts";
import { svd } from "../../kernel/routines/svd.ts";
import { triangularSolve } from "../../kernel/routines/triangular.ts";
import { expectAgreement, someData, Tape, tape } from "./cases.ts";

const storages = fc.constantFrom<Storage>("f32", "f64");
const size = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 7 }) }, fc.integer({ min: 8, max: 20 }));
const flags = fc.record({ upper: fc.boolean(), transposed: fc.boolean(), unit: fc.boolean() });

/** Small whole numbers, so that pivots tie and vanish, or anything at all, NaN and infinities included. */
function expectSame(routine: Routine, storage: Storage, sizes: readonly number[], numbers: readonly number[], whole: boolean): void {
  const t = new Tape(numbers);
  const wanted = storagesOf(routine.writes, storage);
  expectAgreement({
    kernel: routineKernel(routine, storage),
    sizes,
    reads: routine.reads.map(({ extent }) => {
      const data = someData(t, storage, sizes[0]! * extentOf(extent, sizes));
      return { data: whole ? new (arrayOf(storage))([...data].map((x) => Math.trunc(x % 3) || 0)) : data, offset: 0, strides: [1] };
    }),
    writes: routine.writes.map(({ extent }, i) => ({
      storage: wanted[i]!,
      length: sizes[0]! * extentOf(extent, sizes),
      offset: 0,
      strides: [1],
    })),
    uniforms: [],
  });
}

const items = fc.integer({ min: 0, max: 3 });

test("cholesky, of matrices that have a factor and of those that have none", () => {
  fc.assert(
    fc.property(tape, storages, items, size, fc.boolean(), (numbers, storage, b, n, whole) =>
      expectSame(cholesky, storage, [b, n], numbers, whole),
    ),
    { numRuns: 80 },
  );
  fc.assert(
    fc.property(storages, size, fc.integer(), (storage, n, seed) => {
      const data = new (arrayOf(storage))(n * n);
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) data[i * n + j] = Math.sin(seed + i * j) / n + (i === j ? 2 : 0);
      expectAgreement({
        kernel: routineKernel(cholesky, storage),
        sizes: [1, n],
        reads: [{ data, offset: 0, strides: [1] }],
        writes: [
          { storage, length: n * n, offset: 0, strides: [1] },
          { storage: "i32", length: 1, offset: 0, strides: [1] },
        ],
        uniforms: [],
      });
    }),
    { numRuns: 40 },
  );
});

test("adjugateOfUpper", () => {
  fc.assert(
    fc.property(tape, storages, items, size, fc.boolean(), (numbers, storage, b, n, whole) =>
      expectSame(adjugateOfUpper, storage, [b, n], numbers, whole),
    ),
    { numRuns: 60 },
  );
});

test("triangularSolve, of each kind of triangle", () => {
  fc.assert(
    fc.property(tape, storages, items, size, size, flags, fc.boolean(), (numbers, storage, b, n, columns, triangle, whole) =>
      expectSame(triangularSolve(triangle), storage, [b, n, columns], numbers, whole),
    ),
    { numRuns: 200 },
  );
});

test("lu, of matrices of any shape, with pivots that tie and that vanish", () => {
  fc.assert(
    fc.property(tape, storages, items, size, size, fc.boolean(), (numbers, storage, b, m, n, whole) =>
      expectSame(lu, storage, [b, m, n, Math.min(m, n)], numbers, whole),
    ),
    { numRuns: 150 },
  );
});

test("luSolve, of factors, and of their transpose", () => {
  fc.assert(
    fc.property(storages, items, size, size, fc.boolean(), fc.integer(), (storage, b, n, columns, transposed, seed) => {
      const some = (length: number) => new (arrayOf(storage))(Array.from({ length }, (_, i) => Math.sin(seed + i * i) + 0.1));
      const order = Int32Array.from({ length: b * n }, (_, i) => (i + (seed & 15)) % n);
      expectAgreement({
        kernel: routineKernel(luSolve(transposed), storage),
        sizes: [b, n, columns],
        reads: [some(b * n * n), order, some(b * n * columns)].map((data) => ({ data, offset: 0, strides: [1] })),
        writes: [{ storage, length: b * n * columns, offset: 0, strides: [1] }],
        uniforms: [],
      });
    }),
    { numRuns: 100 },
  );
});

const short = fc.integer({ min: 0, max: 6 });

test("qr and svd, reduced and complete, also where columns depend on each other", () => {
  fc.assert(
    fc.property(tape, storages, items, short, short, fc.boolean(), fc.boolean(), (numbers, storage, b, n, more, complete, whole) => {
      const sizes = [b, n + more, n, complete ? n + more : n];
      expectSame(qr, storage, sizes, numbers, whole);
      expectSame(svd, storage, sizes, numbers, whole);
    }),
    { numRuns: 100 },
  );
});

test("eigh, also where eigenvalues are equal", () => {
  fc.assert(
    fc.property(tape, storages, fc.integer({ min: 0, max: 8 }), fc.boolean(), (numbers, storage, n, whole) => {
      const t = new Tape(numbers);
      const data = someData(t, storage, n * n, !whole);
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) data[i * n + j] = data[j * n + i] = whole ? Math.trunc(data[i * n + j]! % 3) : data[i * n + j]!;
      expectAgreement({
        kernel: routineKernel(eigh, storage),
        sizes: [1, n],
        reads: [{ data, offset: 0, strides: [1] }],
        writes: [n, n * n].map((length) => ({ storage, length, offset: 0, strides: [1] })),
        uniforms: [],
      });
    }),
    { numRuns: 100 },
  );
});
