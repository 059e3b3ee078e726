/** Compiled loop nests compute what the interpreter computes, bit by bit, and write nothing else. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import * as e from "../../kernel/expr.ts";
import { body, loopKernel } from "../../kernel/kernel.ts";
import { expectAgreement, someLoop } from "./cases.ts";

const tape = fc.array(fc.nat(1 << 16), { maxLength: 120, size: "max" });
const size = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 9 }) }, { weight: 1, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 10, max: 40 }) });
const sizes = fc.array(size, { minLength: 1, maxLength: 4 });

test("elementwise kernels agree with the interpreter", () => {
  fc.assert(
    fc.property(tape, sizes, (numbers, s) => expectAgreement(someLoop(numbers, s))),
    { numRuns: 1500 },
  );
});

const folds = fc.constantFrom("sum", "prod", "max", "min", "argmax", "argmin");
test("reductions agree with the interpreter", () => {
  fc.assert(
    fc.property(tape, fc.array(size, { minLength: 0, maxLength: 2 }), size, folds, (numbers, outer, n, fold) => expectAgreement(someLoop(numbers, [...outer, n], fold))),
    { numRuns: 1500 },
  );
});

test("reductions agree with the interpreter at every length around whole blocks", () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 1500 }), fc.constantFrom(255, 256, 257, 511, 512, 513, 768, 1024, 1025, 1280));
  fc.assert(
    fc.property(tape, fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 0, maxLength: 1 }), length, folds, (numbers, outer, n, fold) => expectAgreement(someLoop(numbers.slice(0, 30), [...outer, n], fold))),
    { numRuns: 300 },
  );
});

test("what only the rare side needs is computed where some lane takes it", () => {
  const x = e.read(0, "f32");
  const shared = e.mul(x, x);
  const slow = e.add(e.sqrt(shared), e.mul(shared, e.constant("f32", 3)));
  const value = e.rare(e.gt(x, e.constant("f32", 10)), e.rare(e.gt(x, e.constant("f32", 20)), e.neg(slow), slow), e.add(shared, x));
  const kernel = loopKernel(1, [{ storage: "f32", inner: 1 }], [{ storage: "f32", inner: 1 }], body(["f32"], [value]), undefined);
  for (let n = 1; n < 40; n++) {
    const data = Float32Array.from({ length: n }, (_, i) => (i * 7) % 23);
    expectAgreement({ kernel, sizes: [n], reads: [{ data, offset: 0, strides: [1] }], writes: [{ storage: "f32", length: n, offset: 0, strides: [1] }], uniforms: [] });
  }
});

test("long chains compile without recursion", () => {
  let x = e.read(0, "f32");
  for (let i = 0; i < 20_000; i++) x = e.add(x, e.constant("f32", 1));
  const kernel = loopKernel(1, [{ storage: "f32", inner: 1 }], [{ storage: "f32", inner: 1 }], body(["f32"], [x]), undefined);
  const backend = cpu();
  const [from, to] = [backend.allocate(20), backend.allocate(20)];
  backend.write(from, Float32Array.of(1, 2, 3, 4, 5));
  backend.prepare([{ kind: "run", steps: [{ kernel, sizes: [5], reads: [{ buffer: from, offset: 0, strides: [1] }], writes: [{ buffer: to, offset: 0, strides: [1] }], uniforms: [] }] }]).run();
  expect([...backend.view(to, "f32", 5)]).toEqual([20001, 20002, 20003, 20004, 20005]);
});
