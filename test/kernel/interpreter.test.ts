/** The interpreter judges the other executors, so its own folds, products and scalars are held to definitions written here. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrayOf, type Storage, storageBytes, type TypedArray } from "../../core/dtype.ts";
import type { BoundOperand } from "../../kernel/backend.ts";
import * as e from "../../kernel/expr.ts";
import { foldFunction, treeSum } from "../../kernel/fold.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import {
  type Access,
  argsortKernel,
  body,
  type Fold,
  type Inner,
  type Kernel,
  loopKernel,
  matmulKernel,
  scatterAddKernel,
} from "../../kernel/kernel.ts";

const storages: readonly Storage[] = ["f32", "f64", "i32", "u32"];
const round: Record<Storage, (x: number) => number> = { f32: Math.fround, f64: (x) => x, i32: (x) => x | 0, u32: (x) => x >>> 0 };

/** Values of a storage type, special ones among them. */
const value = (s: Storage): fc.Arbitrary<number> =>
  s === "f32" ? fc.float() : s === "f64" ? fc.double() : s === "i32" ? fc.integer() : fc.integer({ min: 0, max: 2 ** 32 - 1 });
/** Rows whose lengths cross the boundaries of four, of a block and of several blocks. */
const row = (s: Storage): fc.Arbitrary<number[]> =>
  fc
    .oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 250, max: 262 }), fc.integer({ min: 500, max: 1600 }))
    .chain((n) => fc.array(value(s), { minLength: n, maxLength: n, size: "max" }));

/** tree.ts said another way: a recursion over index sets. `at(k)` is the k-th value. */
function sumOf(at: (k: number) => number, n: number, s: Storage): number {
  const plus = (x: number, y: number): number => round[s](x + y);
  const start = s === "f32" || s === "f64" ? -0 : 0;
  const lane = (first: number, end: number): number =>
    first >= end ? start : end - first <= 4 ? plus(start, at(first)) : plus(lane(first, lastOf(first, end)), at(lastOf(first, end)));
  const lastOf = (first: number, end: number): number => first + 4 * Math.floor((end - 1 - first) / 4);
  const block = (b: number): number => {
    const [from, end] = [256 * b, Math.min(256 * b + 256, n)];
    const p = [0, 1, 2, 3].map((j) => lane(from + j, end)) as [number, number, number, number];
    return plus(plus(p[0], p[1]), plus(p[2], p[3]));
  };
  // The node of height h over blocks [b, b + 2^h): its right half may be missing, and then the left one stands for both.
  const blocks = Math.ceil(n / 256);
  const node = (b: number, h: number): number =>
    h === 0 ? block(b) : b + 2 ** (h - 1) >= blocks ? node(b, h - 1) : plus(node(b, h - 1), node(b + 2 ** (h - 1), h - 1));
  return n === 0 ? 0 : node(0, Math.ceil(Math.log2(blocks)));
}

const contiguousStrides = (sizes: readonly number[]): number[] => sizes.map((_, i) => sizes.slice(i + 1).reduce((a, b) => a * b, 1));

interface Input {
  readonly storage: Storage;
  readonly data: readonly number[];
  readonly offset?: number;
  readonly strides?: readonly number[];
}

/** Runs one kernel on fresh buffers and gives what it wrote. */
function execute(
  kernel: Kernel,
  sizes: readonly number[],
  reads: readonly Input[],
  writes: readonly { storage: Storage; length: number; strides: readonly number[] }[],
  uniforms: readonly number[] = [],
): TypedArray[] {
  const device = interpreter();
  const operand = (storage: Storage, length: number, offset: number, strides: readonly number[]): BoundOperand => ({
    buffer: device.allocate(length * storageBytes(storage)),
    offset,
    strides,
  });
  const bound = reads.map((r) => {
    const o = operand(r.storage, r.data.length, r.offset ?? 0, r.strides ?? []);
    device.write(o.buffer, new (arrayOf(r.storage))(r.data));
    return o;
  });
  const outs = writes.map((w) => operand(w.storage, w.length, 0, w.strides));
  device.prepare([{ kind: "run", steps: [{ kernel, sizes, reads: bound, writes: outs, uniforms }] }]).run();
  return outs.map((o, i) => device.view(o.buffer, writes[i]!.storage, writes[i]!.length).slice());
}

const access = (storage: Storage, inner: Inner = "strided"): Access => ({ storage, inner });

describe("folds", () => {
  it.each(storages)("%s sums follow the fixed tree", (s) => {
    fc.assert(
      fc.property(row(s), (values) => {
        expect(treeSum(values, s)).toBe(sumOf((k) => values[k]!, values.length, s));
      }),
      { numRuns: 60 },
    );
  });

  it("a sum keeps the sign of zero, and an empty one is +0", () => {
    for (const n of [1, 2, 5, 256, 257, 1000]) expect(treeSum(new Array(n).fill(-0), "f32")).toBe(-0);
    expect(treeSum([-0, 0], "f64")).toBe(0);
    expect(treeSum([], "f32")).toBe(0);
  });

  it.each(storages)("%s prefix sums restart in each block of 256 and add the prefix of the block totals", (s) => {
    const plus = (x: number, y: number): number => round[s](x + y);
    const start = s === "f32" || s === "f64" ? -0 : 0;
    const local = (v: readonly number[], k: number): number => v.slice(k - (k % 256), k + 1).reduce(plus, start);
    const prefix = (v: readonly number[], k: number): number => {
      if (k < 256) return local(v, k);
      const totals = Array.from({ length: Math.floor(k / 256) }, (_, b) => local(v, 256 * b + 255));
      return plus(prefix(totals, totals.length - 1), local(v, k));
    };
    fc.assert(
      fc.property(row(s), (values) => {
        const got = foldFunction("cumsum", s)(values, values.length);
        expect(got.length).toBe(values.length);
        for (const k of [0, 1, 255, 256, 257, 511, 512, values.length - 1])
          if (k >= 0 && k < values.length) expect(got[k]).toBe(prefix(values, k));
      }),
      { numRuns: 30 },
    );
  });

  it.each(["cumprod", "cummax", "cummin"] as const)("%s begins anew in each block, and ends with the fold of all", (scan) => {
    const fold = { cumprod: "prod", cummax: "max", cummin: "min" } as const;
    fc.assert(
      fc.property(row("f64"), (values) => {
        const got = foldFunction(scan, "f64")(values, values.length);
        const whole = foldFunction(fold[scan], "f64");
        for (let k = 0; k < Math.min(values.length, 600); k++) {
          const [block] = whole(values.slice(0, k + 1), k + 1);
          if (scan !== "cumprod") expect(got[k]).toBe(block);
          else if (k < 256) expect(got[k]).toBe(values.slice(0, k + 1).reduce((a, b) => a * b, 1));
        }
      }),
      { numRuns: 30 },
    );
  });

  it.each(storages)("%s extremes are those of Math.max and Math.min, in any order", (s) => {
    const bounds: Record<Storage, [number, number]> = {
      f32: [-Infinity, Infinity],
      f64: [-Infinity, Infinity],
      i32: [-(2 ** 31), 2 ** 31 - 1],
      u32: [0, 2 ** 32 - 1],
    };
    fc.assert(
      fc.property(row(s), (values) => {
        expect(foldFunction("max", s)(values, values.length)[0]).toBe(values.reduce((a, b) => Math.max(a, b), bounds[s][0]));
        expect(foldFunction("min", s)(values, values.length)[0]).toBe(values.reduce((a, b) => Math.min(a, b), bounds[s][1]));
      }),
      { numRuns: 40 },
    );
  });

  it("argmax and argmin give the first extreme, and the first NaN before any number", () => {
    const arg = (fold: Fold, values: number[]): number => foldFunction(fold, "f64")(values, values.length)[0]!;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, -0, 1, 2, -3, NaN, Infinity), { minLength: 1 }), (values) => {
        const nan = values.findIndex(Number.isNaN);
        expect(arg("argmax", values)).toBe(nan >= 0 ? nan : values.indexOf(Math.max(...values)));
        expect(arg("argmin", values)).toBe(nan >= 0 ? nan : values.indexOf(Math.min(...values)));
      }),
    );
    expect(arg("argmax", [])).toBe(0);
  });

  it("integer products wrap, and an empty product is 1", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { maxLength: 20 }), (values) => {
        const exact = values.reduce((p, v) => BigInt.asIntN(32, p * BigInt(v)), 1n);
        expect(foldFunction("prod", "i32")(values, values.length)[0]).toBe(Number(exact));
      }),
    );
  });
});

describe("kernels", () => {
  it("a fold runs along the last axis, through strides and offsets", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom<Fold>("sum", "prod", "max"),
        (rows, n, offset, fold) => {
          const data = Array.from({ length: rows * n + offset }, (_, k) => Math.fround(Math.sin(k)));
          const kernel = loopKernel(2, [access("f32")], [access("f32")], body(["f32"], [e.read(0, "f32")]), fold);
          // The data as n columns of `rows` values, folded over the columns.
          const [got] = execute(
            kernel,
            [rows, n],
            [{ storage: "f32", data, offset, strides: [1, rows] }],
            [{ storage: "f32", length: rows, strides: [1] }],
          );
          for (let r = 0; r < rows; r++) {
            const line = Array.from({ length: n }, (_, k) => data[offset + r + rows * k]!);
            expect(got![r]).toBe(foldFunction(fold, "f32")(line, n)[0]);
          }
        },
      ),
    );
  });

  it("several values of a point are stored through several writes, with positions, uniforms and masks", () => {
    const [i, j] = [e.index(0), e.index(1)];
    const position = e.add(e.mul(i, e.uniform(0)), j);
    const inside = e.lt(j, e.constant("i32", 2));
    const b = body(["f32"], [e.convert("f32", position), e.at(0, "f32", position, inside), e.lt(i, j)]);
    const kernel = loopKernel(2, [access("f32")], [access("f32", 1), access("f32", 1), access("u32", 1)], b, undefined);
    const sizes = [2, 3];
    const write = (storage: Storage) => ({ storage, length: 6, strides: contiguousStrides(sizes) });
    const [positions, masked, less] = execute(
      kernel,
      sizes,
      [{ storage: "f32", data: [9, 5, 6, 7, 8, 1], offset: 0, strides: [0, 0] }],
      [write("f32"), write("f32"), write("u32")],
      [3],
    );
    expect([...positions!]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...masked!]).toEqual([9, 5, 0, 7, 8, 0]);
    expect([...less!]).toEqual([0, 1, 1, 0, 0, 1]);
  });

  it.each(storages)("%s matmul is bitwise the tree sum of the products", (s) => {
    const multiply =
      s === "i32" || s === "u32" ? (x: number, y: number) => round[s](Math.imul(x, y)) : (x: number, y: number) => round[s](x * y);
    const size = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(
        size,
        size,
        size,
        fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constant(258)),
        fc.infiniteStream(value(s)),
        (batch, m, n, k, stream) => {
          const take = (length: number): number[] => Array.from({ length }, () => stream.next().value!);
          // Two products in one step. B is stored transposed: [batch, n, k].
          const factors = [0, 1].map(() => [take(batch * m * k), take(batch * k * n)] as const);
          const products = execute(
            matmulKernel(s),
            [batch, m, n, k],
            factors.flatMap(([a, b]) => [
              { storage: s, data: a, strides: [m * k, k, 1] },
              { storage: s, data: b, strides: [n * k, 1, k] },
            ]),
            factors.map(() => ({ storage: s, length: batch * m * n, strides: [m * n, n, 1] })),
          );
          factors.forEach(([a, b], which) => {
            for (let q = 0; q < batch * m * n; q++) {
              const [ib, im, ni] = [Math.floor(q / (m * n)), Math.floor(q / n) % m, q % n];
              expect(products[which]![q]).toBe(sumOf((p) => multiply(a[(ib * m + im) * k + p]!, b[(ib * n + ni) * k + p]!), k, s));
            }
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it("scatterAdd adds the tree sum of the updates of each place, and drops what is out of range", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 30 }),
        fc.infiniteStream(fc.float({ noNaN: true, noDefaultInfinity: true })),
        (indices, stream) => {
          const [o, n, i, m] = [2, 4, 3, indices.length];
          const take = (length: number): number[] => Array.from({ length }, () => stream.next().value!);
          const [operand, updates] = [take(o * n * i), take(o * m * i)];
          const [got] = execute(
            scatterAddKernel("f32"),
            [1, o, n, i, m],
            [
              { storage: "f32", data: operand },
              { storage: "i32", data: indices },
              { storage: "f32", data: updates },
            ],
            [{ storage: "f32", length: o * n * i, strides: [] }],
          );
          for (let q = 0; q < o * n * i; q++) {
            const [io, j, ii] = [Math.floor(q / (n * i)), Math.floor(q / i) % n, q % i];
            const hits = indices.flatMap((index, p) => (index === j ? [updates[(io * m + p) * i + ii]!] : []));
            expect(got![q]).toBe(hits.length === 0 ? operand[q] : Math.fround(operand[q]! + sumOf((k) => hits[k]!, hits.length, "f32")));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("argsort is stable, takes zeros as equal and puts NaN last", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, -0, 1, -1, 2, NaN, Infinity, -Infinity), { maxLength: 12 }), (keys) => {
        const [got] = execute(
          argsortKernel("f64"),
          [1, keys.length],
          [{ storage: "f64", data: keys }],
          [{ storage: "i32", length: keys.length, strides: [] }],
        );
        const rank = (v: number): number => (Number.isNaN(v) ? 9 : [-Infinity, -1, 0, 1, 2, Infinity].indexOf(v + 0));
        const positions = [...got!];
        expect([...positions].sort((a, b) => a - b)).toEqual(keys.map((_, k) => k));
        for (let p = 1; p < positions.length; p++) {
          const [x, y] = [positions[p - 1]!, positions[p]!];
          const [a, b] = [rank(keys[x]!), rank(keys[y]!)];
          expect(a < b || (a === b && x < y)).toBe(true);
        }
      }),
    );
  });

  it("an access outside its buffer throws with kernel, slot and element", () => {
    const kernel = loopKernel(1, [access("f32")], [access("f32")], body(["f32"], [e.read(0, "f32")]), undefined);
    const run = (readStride: number, writeStride: number) => () =>
      execute(
        kernel,
        [4],
        [{ storage: "f32", data: [1, 2, 3, 4], strides: [readStride] }],
        [{ storage: "f32", length: 4, strides: [writeStride] }],
      );
    expect(run(1, 1)).not.toThrow();
    expect(run(2, 1)).toThrow(/loop 1 .*read 0 at element 4 of 4/);
    expect(run(-1, 1)).toThrow(/read 0 at element -1 of 4/);
    expect(run(1, 2)).toThrow(/loop 1 .*write 0 at element 4 of 4/);
  });
});

describe("segments", () => {
  const device = interpreter();
  const buffer = (...data: number[]): number => {
    const b = device.allocate(4 * data.length);
    device.write(b, new Float32Array(data));
    return b;
  };
  const shown = (b: number): number => device.view(b, "f32", 1)[0]!;
  const doubled = body(["f32"], [e.add(e.read(0, "f32"), e.read(0, "f32"))]);
  const kernel = loopKernel(1, [access("f32")], [access("f32")], doubled, undefined);
  const double = (b: number) =>
    ({
      kind: "run",
      steps: [
        {
          kernel,
          sizes: [1],
          reads: [{ buffer: b, offset: 0, strides: [1] }],
          writes: [{ buffer: b, offset: 0, strides: [1] }],
          uniforms: [],
        },
      ],
    }) as const;

  it("copies read every source before any destination is written", () => {
    const [a, b] = [buffer(1), buffer(2)];
    device
      .prepare([
        {
          kind: "copy",
          copies: [
            { from: a, to: b, bytes: 4 },
            { from: b, to: a, bytes: 4 },
          ],
        },
      ])
      .run();
    expect([shown(a), shown(b)]).toEqual([2, 1]);
  });

  it("loops repeat and branches choose", () => {
    const [x, indices] = [buffer(1), device.allocate(12)];
    device.write(indices, Int32Array.of(-7, 1, 9));
    device.prepare([{ kind: "loop", count: 3, body: [double(x)] }]).run();
    expect(shown(x)).toBe(8);
    for (const [offset, expected] of [16, 16 * 4, 16 * 4 * 4].entries()) {
      const index = { buffer: indices, offset, strides: [] };
      device.prepare([{ kind: "branch", index, cases: [[double(x)], [double(x), double(x)]] }]).run();
      expect(shown(x)).toBe(expected);
    }
  });

  it("memory is counted, limited and given back", () => {
    const small = interpreter({ limitBytes: 64 });
    const b = small.allocate(40);
    expect(small.bytesInUse).toBe(40);
    expect(() => small.allocate(32)).toThrow(/32 bytes.*40 of 64/);
    small.free(b);
    expect(small.bytesInUse).toBe(0);
    expect(() => small.view(b, "f32", 1)).toThrow(/not allocated/);
  });
});

describe("scalars", () => {
  /** One operation on one or two values. */
  const apply = (make: (...args: e.Expr[]) => e.Expr, type: Storage, out: Storage, ...args: number[]): number => {
    const b = body(
      args.map(() => type),
      [make(...args.map((_, i) => e.read(i, type)))],
    );
    const kernel = loopKernel(
      1,
      args.map(() => access(type)),
      [access(out)],
      b,
      undefined,
    );
    return execute(
      kernel,
      [1],
      args.map((v) => ({ storage: type, data: [v], strides: [1] })),
      [{ storage: out, length: 1, strides: [1] }],
    )[0]![0]!;
  };

  it("integers wrap as in BigInt arithmetic", () => {
    for (const [type, wrap] of [
      ["i32", BigInt.asIntN],
      ["u32", BigInt.asUintN],
    ] as const)
      fc.assert(
        fc.property(value(type), value(type), (a, b) => {
          const exact = (f: (x: bigint, y: bigint) => bigint): number => Number(wrap(32, f(BigInt(a), BigInt(b))));
          expect(apply(e.add, type, type, a, b)).toBe(exact((x, y) => x + y));
          expect(apply(e.sub, type, type, a, b)).toBe(exact((x, y) => x - y));
          expect(apply(e.mul, type, type, a, b)).toBe(exact((x, y) => x * y));
          expect(apply(e.rem, type, type, a, b)).toBe(exact((x, y) => (y === 0n ? x : x % y)));
          expect(apply(e.neg, type, type, a)).toBe(exact((x) => -x));
          expect(apply(e.abs, type, type, a)).toBe(exact((x) => (x < 0n ? -x : x)));
          expect(apply(e.and, type, type, a, b)).toBe(exact((x, y) => x & y));
          expect(apply(e.or, type, type, a, b)).toBe(exact((x, y) => x | y));
          expect(apply(e.xor, type, type, a, b)).toBe(exact((x, y) => x ^ y));
          expect(apply(e.not, type, type, a)).toBe(exact((x) => ~x));
          expect(apply(e.shl, type, type, a, b)).toBe(exact((x, y) => x << (y & 31n)));
          expect(apply(e.shr, type, type, a, b)).toBe(exact((x, y) => x >> (y & 31n)));
        }),
      );
  });

  it("float32 results are the float64 ones rounded once", () => {
    fc.assert(
      fc.property(value("f32"), value("f32"), (a, b) => {
        expect(apply(e.add, "f32", "f32", a, b)).toBe(Math.fround(a + b));
        expect(apply(e.div, "f32", "f32", a, b)).toBe(Math.fround(a / b));
        expect(apply(e.rem, "f32", "f32", a, b)).toBe(a % b);
        expect(apply(e.max, "f32", "f32", a, b)).toBe(Math.max(a, b));
        expect(apply(e.min, "f32", "f32", a, b)).toBe(Math.min(a, b));
      }),
    );
  });

  it("nearest rounds half to even and keeps the sign of zero", () => {
    const near = (x: number): number => apply(e.nearest, "f64", "f64", x);
    for (const [x, expected] of [
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [-0.5, -0],
      [-1.5, -2],
      [-0, -0],
      [0.49999999999999994, 0],
      [2 ** 52 + 1, 2 ** 52 + 1],
      [-Infinity, -Infinity],
      [NaN, NaN],
    ] as const)
      expect(near(x)).toBe(expected);
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (x) => {
        const low = Math.floor(x);
        const expected = x - low < 0.5 ? low : x - low > 0.5 ? low + 1 : low % 2 === 0 ? low : low + 1;
        expect(near(x) + 0).toBe((Number.isFinite(x) ? expected : x) + 0);
      }),
    );
  });

  it("floats become integers by truncation with saturation", () => {
    const to = (type: "i32" | "u32", x: number): number => apply((a) => e.convert(type, a), "f64", type, x);
    for (const [x, i, u] of [
      [NaN, 0, 0],
      [1.9, 1, 1],
      [-1.9, -1, 0],
      [-0.5, 0, 0],
      [3e9, 2 ** 31 - 1, 3e9],
      [1e20, 2 ** 31 - 1, 2 ** 32 - 1],
      [-1e20, -(2 ** 31), 0],
      [Infinity, 2 ** 31 - 1, 2 ** 32 - 1],
      [-Infinity, -(2 ** 31), 0],
    ] as const)
      expect([to("i32", x), to("u32", x)]).toEqual([i, u]);
    for (const [x, b] of [
      [0, 0],
      [-0, 0],
      [0.1, 1],
      [NaN, 1],
    ] as const)
      expect(apply((a) => e.convert("bool", a), "f64", "u32", x)).toBe(b);
  });

  it("bitcast keeps the bits", () => {
    fc.assert(
      fc.property(value("f32"), (x) => {
        if (Number.isNaN(x)) return;
        const bits = new Int32Array(new Float32Array([x]).buffer)[0]!;
        expect(apply((a) => e.bitcast("i32", a), "f32", "i32", x)).toBe(bits);
        expect(apply((a) => e.bitcast("f32", e.bitcast("u32", a)), "i32", "f32", bits)).toBe(x);
      }),
    );
  });

  it("words are the halves of a float64", () => {
    fc.assert(
      fc.property(value("f64"), (x) => {
        if (Number.isNaN(x)) return;
        const bits = new BigUint64Array(new Float64Array([x]).buffer)[0]!;
        expect(apply(e.highWord, "f64", "u32", x)).toBe(Number(bits >> 32n));
        expect(apply(e.lowWord, "f64", "u32", x)).toBe(Number(bits & 0xffffffffn));
        expect(apply((a) => e.fromWords(e.highWord(a), e.lowWord(a)), "f64", "f64", x)).toBe(x);
      }),
    );
    expect(() => e.highWord(e.constant("f32", 1))).toThrow(/highWord of f32, not of f64/);
  });

  it("operations that the language lacks are refused when the body is compiled", () => {
    expect(() => apply(e.div, "i32", "i32", 4, 2)).toThrow(/div is not defined on i32/);
    expect(() => apply(e.shl, "f32", "f32", 4, 2)).toThrow(/shl is not defined on f32/);
  });
});
