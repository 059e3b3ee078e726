/** Matrix products have the bits of the fixed tree, whatever their sizes, strides and path. */
import fc from "fast-check";
import { test } from "vitest";
import { arrayOf, type Storage } from "../../core/dtype.ts";
import { matmulKernel } from "../../kernel/kernel.ts";
import { type Case, expectAgreement, someData, someLayout, tape, Tape } from "./cases.ts";

function someProducts(
  numbers: readonly number[],
  storage: Storage,
  [b, m, n, k]: readonly [number, number, number, number],
  special: boolean,
  count = 1,
): Case {
  const t = new Tape(numbers);
  const operand = (sizes: readonly number[]) => {
    const { length, ...layout } = someLayout(t, sizes, sizes[0]! > 1);
    return { data: someData(t, storage, length, special), ...layout };
  };
  return {
    kernel: matmulKernel(storage),
    sizes: [b, m, n, k],
    reads: Array.from({ length: 2 * count }, (_, i) => operand(i % 2 === 0 ? [b, m, k] : [b, k, n])),
    writes: Array.from({ length: count }, () => ({ storage, ...someLayout(t, [b, m, n], false) })),
    uniforms: [],
  };
}

const storages = fc.constantFrom<Storage>("f32", "f64", "i32", "u32");
const small = fc.integer({ min: 0, max: 12 });

test("small products of every type agree with the interpreter", () => {
  fc.assert(
    fc.property(
      tape,
      storages,
      fc.tuple(fc.integer({ min: 1, max: 3 }), small, small, fc.oneof(small, fc.constantFrom(1, 255, 256, 257))),
      fc.boolean(),
      (numbers, storage, sizes, special) => expectAgreement(someProducts(numbers, storage, sizes, special)),
    ),
    { numRuns: 400 },
  );
});

test("products agree with the interpreter on tile edges and over several blocks of k", () => {
  const side = fc.integer({ min: 2, max: 45 });
  const k = fc.oneof(fc.integer({ min: 16, max: 300 }), fc.constantFrom(255, 256, 257, 511, 512, 513, 768, 1000, 1281));
  fc.assert(
    fc.property(
      tape,
      fc.constantFrom<Storage>("f32", "f64"),
      fc.tuple(fc.integer({ min: 1, max: 2 }), side, side, k),
      fc.boolean(),
      (numbers, storage, sizes, special) => {
        expectAgreement(someProducts(numbers, storage, sizes, special));
      },
    ),
    { numRuns: 60 },
  );
});

test("products that are wide as well as deep agree with the interpreter", () => {
  const side = fc.integer({ min: 64, max: 80 });
  const k = fc.oneof(fc.integer({ min: 64, max: 80 }), fc.constantFrom(257, 513));
  fc.assert(
    fc.property(
      tape,
      fc.constantFrom<Storage>("f32", "f64"),
      fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 2, max: 20 }), side, k),
      fc.boolean(),
      (numbers, storage, sizes, special) => expectAgreement(someProducts(numbers, storage, sizes, special)),
    ),
    { numRuns: 30 },
  );
});

test("several products in a step agree with the interpreter", () => {
  const side = fc.integer({ min: 1, max: 24 });
  fc.assert(
    fc.property(
      tape,
      storages,
      fc.tuple(fc.integer({ min: 1, max: 2 }), side, side, side),
      fc.integer({ min: 2, max: 4 }),
      (numbers, storage, sizes, count) => expectAgreement(someProducts(numbers, storage, sizes, true, count)),
    ),
    { numRuns: 60 },
  );
});

test.each(["f32", "f64"] as const)("products of %s larger than a stripe agree with the interpreter", (storage) => {
  for (const sizes of [
    [1, 530, 9, 20],
    [1, 9, 530, 20],
    [1, 131, 10, 260],
    [1, 3, 520, 600],
    [1, 520, 6, 600],
  ] as const) {
    const [, m, n, k] = sizes;
    const data = (length: number, seed: number) => new (arrayOf(storage))(Array.from({ length }, (_, i) => Math.sin(i * seed)));
    expectAgreement({
      kernel: matmulKernel(storage),
      sizes,
      reads: [
        { data: data(m * k, 1.7), offset: 0, strides: [0, k, 1] },
        { data: data(k * n, 0.37), offset: 0, strides: [0, n, 1] },
      ],
      writes: [{ storage, length: m * n, offset: 0, strides: [0, n, 1] }],
      uniforms: [],
    });
  }
});
