/** Matrix products have the bits of the fixed tree, whatever their sizes, strides and path. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { cpu } from "../../cpu/backend.ts";
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

const floats = fc.constantFrom<Storage>("f32", "f64");

/** A matrix in one piece, by rows or by columns, a few elements behind the start of its data. */
function matrix(
  numbers: Tape,
  [b, rows, columns]: readonly [number, number, number],
): { strides: number[]; offset: number; length: number } {
  const strides = numbers.below(2) === 0 ? [rows * columns, columns, 1] : [rows * columns, 1, rows];
  const offset = numbers.below(3);
  return { strides, offset, length: offset + b * rows * columns };
}

function someLayer(numbers: readonly number[], storage: Storage, [b, m, n, k]: readonly [number, number, number, number]): Case {
  const t = new Tape(numbers);
  const operand = (sizes: readonly [number, number, number]) => {
    const { length, ...layout } = matrix(t, sizes);
    return { data: someData(t, storage, length, t.below(2) === 1), ...layout };
  };
  return {
    kernel: matmulKernel(storage),
    sizes: [b, m, n, k],
    reads: [operand([b, m, k]), operand([b, k, n])],
    writes: [{ storage, ...matrix(t, [b, m, n]) }],
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

const layouts = (numRuns: number, sizes: fc.Arbitrary<[number, number, number, number]>): void =>
  fc.assert(
    fc.property(tape, floats, sizes, (numbers, storage, s) => expectAgreement(someLayer(numbers, storage, s))),
    { numRuns },
  );
const one = fc.constant(1);
const batch = fc.integer({ min: 1, max: 2 });
const few = fc.integer({ min: 1, max: 5 });

test("layers of small networks agree with the interpreter, whichever operand lies by columns", () => {
  const width = fc.oneof(fc.integer({ min: 1, max: 24 }), fc.constantFrom(32, 40, 64, 65));
  layouts(60, fc.tuple(one, fc.integer({ min: 126, max: 140 }), width, width));
});

test("products summed over a batch agree with the interpreter", () => {
  const width = fc.integer({ min: 1, max: 24 });
  layouts(60, fc.tuple(batch, width, width, fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constantFrom(256, 257, 512))));
});

test("products with few rows, columns or terms agree with the interpreter", () => {
  const many = fc.integer({ min: 1, max: 150 });
  layouts(60, fc.tuple(batch, few, many, many));
  layouts(60, fc.tuple(batch, many, few, many));
  layouts(60, fc.tuple(batch, many, many, few));
  layouts(60, fc.tuple(batch, few, few, fc.integer({ min: 1, max: 600 })));
});

test("products of a matrix with its own transpose agree with the interpreter", () => {
  fc.assert(
    fc.property(tape, floats, batch, fc.integer({ min: 14, max: 48 }), fc.integer({ min: 1, max: 300 }), (numbers, storage, b, m, k) => {
      const t = new Tape(numbers);
      const { length, offset, strides } = t.below(2) === 0 ? someLayout(t, [b, m, k], false) : matrix(t, [b, m, k]);
      const data = someData(t, storage, length, t.below(2) === 1);
      expectAgreement({
        kernel: matmulKernel(storage),
        sizes: [b, m, m, k],
        reads: [
          { data, offset, strides },
          { data, offset, strides: [strides[0]!, strides[2]!, strides[1]!] },
        ],
        writes: [{ storage, ...(t.below(2) === 0 ? someLayout(t, [b, m, m], false) : matrix(t, [b, m, m])) }],
        uniforms: [],
      });
    }),
    { numRuns: 60 },
  );
});

test("other batch sizes need no other code", () => {
  let modules = 0;
  const { Module } = WebAssembly;
  WebAssembly.Module = new Proxy(Module, { construct: (target, args) => (modules++, Reflect.construct(target, args) as object) });
  try {
    const backend = cpu({ threads: 1 });
    const [x, y, w, z] = [0, 1, 2, 3].map(() => backend.allocate(8 * 600 * 64));
    const rows = (buffer: number, columns: number) => ({ buffer, offset: 0, strides: [0, columns, 1] });
    const columns = (buffer: number, rowCount: number) => ({ buffer, offset: 0, strides: [0, 1, rowCount] });
    for (const width of [20, 64]) {
      /** A layer, what goes back through it, the gradient of its weights, and the layer after it, which has one column. */
      const layer = (batch: number): void => {
        const steps = [
          { sizes: [1, batch, width, width], reads: [rows(x!, width), rows(w!, width)], writes: [rows(y!, width)] },
          { sizes: [1, batch, width, width], reads: [rows(y!, width), columns(w!, width)], writes: [rows(x!, width)] },
          { sizes: [1, width, width, batch], reads: [columns(x!, width), rows(y!, width)], writes: [rows(z!, width)] },
          { sizes: [1, batch, 1, width], reads: [rows(x!, width), rows(w!, 1)], writes: [rows(z!, 1)] },
        ];
        backend.prepare([{ kind: "run", steps: steps.map((s) => ({ kernel: matmulKernel("f32"), uniforms: [], ...s })) }]).release();
      };
      for (const batch of [64, 2, 1]) layer(batch);
      const before = modules;
      for (let batch = 1; batch <= 256; batch++) layer(batch);
      expect(modules).toBe(before);
    }
  } finally {
    WebAssembly.Module = Module;
  }
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
    [1, 514, 514, 2],
    [1, 5, 1030, 6],
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
