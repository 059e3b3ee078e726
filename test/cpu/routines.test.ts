/** Routines, compiled, agree with the interpreter bit by bit, and write nothing else. */
import fc from "fast-check";
import { test } from "vitest";
import { arrayOf, type Storage } from "../../core/dtype.ts";
import { routineKernel } from "../../kernel/kernel.ts";
import type { Routines } from "../../kernel/field.ts";
import { extentOf, type Routine, storagesOf } from "../../kernel/routine.ts";
import { cholesky } from "../../kernel/routines/cholesky.ts";
import { adjugateOfUpper } from "../../kernel/routines/adjugate.ts";
import { eig } from "../../kernel/routines/eig.ts";
import { product } from "../../kernel/routines/product.ts";
import { eigh } from "../../kernel/routines/eigh.ts";
import { fft, fftTable, radicesOf } from "../../kernel/routines/fft.ts";
import { lu, luSolve } from "../../kernel/routines/lu.ts";
import { qr } from "../../kernel/routines/qr.ts";
import { svd } from "../../kernel/routines/svd.ts";
import { triangularSolve } from "../../kernel/routines/triangular.ts";
import { expectAgreement, someData, Tape, tape } from "./cases.ts";

const storages = fc.constantFrom<Storage>("f32", "f64");
const size = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 7 }) }, fc.integer({ min: 8, max: 20 }));
const flags = fc.record({ upper: fc.boolean(), adjoint: fc.boolean(), unit: fc.boolean() });
const fields = fc.constantFrom<keyof Routines>("real", "complex");

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

const parts = (field: keyof Routines): number => (field === "real" ? 1 : 2);
const items = fc.integer({ min: 0, max: 3 });

test("cholesky, of matrices that have a factor and of those that have none", () => {
  fc.assert(
    fc.property(fields, tape, storages, items, size, fc.boolean(), (field, numbers, storage, b, n, whole) =>
      expectSame(cholesky[field], storage, [b, n], numbers, whole),
    ),
    { numRuns: 120 },
  );
  fc.assert(
    fc.property(fields, storages, size, fc.integer(), (field, storage, n, seed) => {
      const data = new (arrayOf(storage))(n * n);
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) data[i * n + j] = Math.sin(seed + i * j) / n + (i === j ? 2 : 0);
      const aside = data.map((_, i) => (i % (n + 1) === 0 ? 0 : Math.cos(seed - i) / n));
      expectAgreement({
        kernel: routineKernel(cholesky[field], storage),
        sizes: [1, n],
        reads: [data, aside].slice(0, parts(field)).map((part) => ({ data: part, offset: 0, strides: [1] })),
        writes: [
          ...Array.from({ length: parts(field) }, () => ({ storage, length: n * n, offset: 0, strides: [1] })),
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
    fc.property(fields, tape, storages, items, size, fc.boolean(), (field, numbers, storage, b, n, whole) =>
      expectSame(adjugateOfUpper[field], storage, [b, n], numbers, whole),
    ),
    { numRuns: 100 },
  );
});

test("eig and product", () => {
  fc.assert(
    fc.property(fields, tape, storages, items, fc.integer({ min: 0, max: 5 }), fc.boolean(), (field, numbers, storage, b, n, whole) => {
      expectSame(eig[field], storage, [b, n], numbers, whole);
      expectSame(product[field], storage, [b, n], numbers, whole);
    }),
    { numRuns: 60 },
  );
});

test("triangularSolve, of each kind of triangle", () => {
  fc.assert(
    fc.property(fields, tape, storages, items, size, size, flags, fc.boolean(), (field, numbers, storage, b, n, columns, triangle, whole) =>
      expectSame(triangularSolve(triangle)[field], storage, [b, n, columns], numbers, whole),
    ),
    { numRuns: 200 },
  );
});

test("lu, of matrices of any shape, with pivots that tie and that vanish", () => {
  fc.assert(
    fc.property(fields, tape, storages, items, size, size, fc.boolean(), (field, numbers, storage, b, m, n, whole) =>
      expectSame(lu[field], storage, [b, m, n, Math.min(m, n)], numbers, whole),
    ),
    { numRuns: 150 },
  );
});

test("luSolve, of factors, and of their adjoint", () => {
  fc.assert(
    fc.property(fields, storages, items, size, size, fc.boolean(), fc.integer(), (field, storage, b, n, columns, adjoint, seed) => {
      const some = (length: number) =>
        Array.from(
          { length: parts(field) },
          (_, k) => new (arrayOf(storage))(Array.from({ length }, (__, i) => Math.sin(seed + i * i + k) + 0.1)),
        );
      const order = Int32Array.from({ length: b * n }, (_, i) => (i + (seed & 15)) % n);
      expectAgreement({
        kernel: routineKernel(luSolve(adjoint)[field], storage),
        sizes: [b, n, columns],
        reads: [...some(b * n * n), order, ...some(b * n * columns)].map((data) => ({ data, offset: 0, strides: [1] })),
        writes: some(0).map(() => ({ storage, length: b * n * columns, offset: 0, strides: [1] })),
        uniforms: [],
      });
    }),
    { numRuns: 100 },
  );
});

const short = fc.integer({ min: 0, max: 6 });

test("qr and svd, reduced and complete, also where columns depend on each other", () => {
  fc.assert(
    fc.property(
      fields,
      tape,
      storages,
      items,
      short,
      short,
      fc.boolean(),
      fc.boolean(),
      (field, numbers, storage, b, n, more, complete, whole) => {
        const sizes = [b, n + more, n, complete ? n + more : n];
        expectSame(qr[field], storage, sizes, numbers, whole);
        expectSame(svd[field], storage, sizes, numbers, whole);
      },
    ),
    { numRuns: 150 },
  );
});

test("eigh, also where eigenvalues are equal", () => {
  fc.assert(
    fc.property(fields, tape, storages, fc.integer({ min: 0, max: 8 }), fc.boolean(), (field, numbers, storage, n, whole) => {
      const t = new Tape(numbers);
      const [data, aside] = [someData(t, storage, n * n, !whole), someData(t, storage, n * n, !whole)];
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) {
          for (const x of [data, aside]) x[j * n + i] = whole ? Math.trunc(x[i * n + j]! % 3) : x[i * n + j]!;
          data[i * n + j] = data[j * n + i]!;
          aside[i * n + j] = i === j ? 0 : -aside[j * n + i]!;
        }
      expectAgreement({
        kernel: routineKernel(eigh[field], storage),
        sizes: [1, n],
        reads: [data, aside].slice(0, parts(field)).map((part) => ({ data: part, offset: 0, strides: [1] })),
        writes: [n, n * n, n * n].slice(0, 1 + parts(field)).map((length) => ({ storage, length, offset: 0, strides: [1] })),
        uniforms: [],
      });
    }),
    { numRuns: 150 },
  );
});

test("fft, of lengths of every radix, of few columns, of many, and of more than are computed at once", () => {
  const lengths = Array.from({ length: 80 }, (_, i) => i + 1).filter((n) => radicesOf(n));
  const widths = fc.record({ columns: fc.integer({ min: 0, max: 9 }), width: fc.integer({ min: 1, max: 8 }), all: fc.boolean() });
  fc.assert(
    fc.property(
      storages,
      items,
      fc.constantFrom(...lengths),
      widths,
      fc.boolean(),
      fc.integer(),
      (storage, b, n, { columns, width, all }, real, seed) => {
        if (all && columns === 0) return;
        const transform = { n, width: all ? columns : width, all, real, scale: 1 / n };
        const table = new (arrayOf(storage))(fftTable(n));
        const some = (): (typeof table)[] =>
          Array.from(
            { length: real ? 1 : 2 },
            (_, k) => new (arrayOf(storage))(Array.from({ length: b * n * columns }, (__, i) => Math.sin(seed + i * i + k))),
          );
        expectAgreement({
          kernel: routineKernel(fft(transform), storage),
          sizes: [b, n, columns, table.length, transform.width],
          reads: [...some(), table].map((data) => ({ data, offset: 0, strides: [1] })),
          writes: [0, 1].map(() => ({ storage, length: b * n * columns, offset: 0, strides: [1] })),
          uniforms: [],
        });
      },
    ),
    { numRuns: 150 },
  );
});
