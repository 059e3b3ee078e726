/** Plans: segments run in order, kernels are compiled once and kept while used, memory comes back. */
import { expect, test } from "vitest";
import { cpu } from "../../cpu/backend.ts";
import type { Backend, BoundStep, Buffer, Segment } from "../../kernel/backend.ts";
import { OutOfMemory } from "../../kernel/backend.ts";
import * as e from "../../kernel/expr.ts";
import { interpreter } from "../../kernel/interpreter.ts";
import { body, loopKernel, matmulKernel } from "../../kernel/kernel.ts";

const vector = { storage: "f32", inner: 1 } as const;
const kernelOf = (f: (x: e.Expr) => e.Expr) => loopKernel(1, [vector], [vector], body(["f32"], [f(e.read(0, "f32"))]), undefined);
const increment = kernelOf((x) => e.add(x, e.constant("f32", 1)));
const double = kernelOf((x) => e.add(x, x));
const step = (kernel: BoundStep["kernel"], from: Buffer, to: Buffer, n = 3): BoundStep => ({
  kernel,
  sizes: [n],
  reads: [{ buffer: from, offset: 0, strides: [1] }],
  writes: [{ buffer: to, offset: 0, strides: [1] }],
  uniforms: [],
});
const run = (...steps: BoundStep[]): Segment => ({ kind: "run", steps });

const word = (buffer: Buffer) => ({ buffer, offset: 0, strides: [] });

function filled(backend: Backend, ...data: number[]): Buffer {
  const b = backend.allocate(4 * data.length);
  backend.write(b, Float32Array.from(data));
  return b;
}

/** What a plan over a, b and c leaves in them. */
function outcome(backend: Backend, plan: (a: Buffer, b: Buffer, c: Buffer) => readonly Segment[], times = 1): number[][] {
  const buffers = [filled(backend, 1, 2, 3), filled(backend, 10, 20, 30), filled(backend, 100, 200, 300)] as const;
  const program = backend.prepare(plan(...buffers));
  for (let i = 0; i < times; i++) program.run();
  program.release();
  const out = buffers.map((b) => Array.from(backend.view(b, "f32", 3)));
  for (const b of buffers) backend.free(b);
  return out;
}

const plans: Record<string, (a: Buffer, b: Buffer, c: Buffer) => readonly Segment[]> = {
  "steps in order": (a, b, c) => [run(step(increment, a, b), step(double, b, c), step(increment, c, a))],
  "copies that rotate": (a, b, c) => [
    {
      kind: "copy",
      copies: [
        { from: a, to: b, bytes: 12 },
        { from: b, to: c, bytes: 12 },
        { from: c, to: a, bytes: 12 },
      ],
    },
  ],
  "copies of one buffer to two": (a, b, c) => [
    {
      kind: "copy",
      copies: [
        { from: b, to: a, bytes: 8 },
        { from: a, to: c, bytes: 4 },
        { from: a, to: b, bytes: 12 },
      ],
    },
  ],
  loops: (a, b) => [
    { kind: "loop", count: 5, body: [run(step(increment, a, a)), { kind: "loop", count: 2, body: [run(step(double, b, b))] }] },
  ],
  "loops of no rounds": (a) => [{ kind: "loop", count: 0, body: [run(step(increment, a, a))] }, run(step(double, a, a))],
  branches: (a, b, c) => [
    { kind: "branch", index: word(a), cases: [[run(step(double, b, b))], [run(step(increment, b, b))]] },
    run(
      step(
        kernelOf((x) => e.sub(x, x)),
        c,
        c,
      ),
    ),
    { kind: "branch", index: word(c), cases: [[run(step(double, a, a))], [run(step(increment, a, a))]] },
    run(step(increment, b, b)),
  ],
};

test.each(Object.keys(plans))("%s", (name) => {
  for (const times of [1, 3]) expect(outcome(cpu(), plans[name]!, times)).toEqual(outcome(interpreter(), plans[name]!, times));
});

test("all memory comes back when programs are released and buffers freed", () => {
  const backend = cpu();
  for (let i = 0; i < 100; i++) for (const plan of Object.values(plans)) outcome(backend, plan);
  expect(backend.bytesInUse).toBe(0);
});

test("plans share a workspace, and the last one to be released gives it back", () => {
  const backend = cpu();
  const n = 64;
  const buffers = [0, 1, 2].map(() => filled(backend, ...Array.from({ length: n * n }, (_, i) => i % 7)));
  const [a, b, c] = buffers.map((buffer) => ({ buffer, offset: 0, strides: [0, n, 1] }));
  const empty = backend.bytesInUse;
  const product = (m: number) =>
    backend.prepare([run({ kernel: matmulKernel("f32"), sizes: [1, m, n, n], reads: [a!, b!], writes: [c!], uniforms: [] })]);
  const first = product(n);
  const held = backend.bytesInUse;
  const second = product(n / 2);
  expect(backend.bytesInUse - held).toBeLessThan(1000);
  for (const p of [first, second]) {
    p.run();
    p.release();
  }
  expect(backend.bytesInUse).toBe(empty);
});

test("kernels of live programs survive any number of others", () => {
  const backend = cpu();
  const a = filled(backend, 1, 2, 3);
  const kept = backend.prepare([run(step(increment, a, a))]);
  const others = Array.from({ length: 2500 }, (_, i) => kernelOf((x) => e.mul(x, e.constant("f32", i))));
  const b = filled(backend, 0, 0, 0);
  backend.prepare([run(...others.map((k) => step(k, b, b)))]).release();
  const more = backend.prepare([run(...others.map((k) => step(k, b, b)))]);
  more.run();
  kept.run();
  expect(Array.from(backend.view(a, "f32", 3))).toEqual([2, 3, 4]);
});

test("a view shows what programs wrote after memory grew", () => {
  const backend = cpu();
  const a = filled(backend, 1, 2, 3);
  const program = backend.prepare([run(step(double, a, a))]);
  const large = backend.allocate(2 ** 25);
  program.run();
  expect(Array.from(backend.view(a, "f32", 3))).toEqual([2, 4, 6]);
  backend.free(large);
});

test("running out of memory says what was asked for and what is in use, and leaves the backend usable", () => {
  const backend = cpu();
  const a = filled(backend, 1, 2, 3);
  expect(() => backend.allocate(2 ** 33)).toThrow(OutOfMemory);
  expect(() => backend.allocate(2 ** 33)).toThrow(/8589934592 bytes asked for, \d+ in use/);
  expect(Array.from(backend.view(a, "f32", 3))).toEqual([1, 2, 3]);
  backend.free(a);
  expect(backend.bytesInUse).toBe(0);
});

test("a disposed backend refuses work, and forgives cleaning up", () => {
  const backend = cpu();
  const a = filled(backend, 1, 2, 3);
  const program = backend.prepare([run(step(double, a, a))]);
  backend.dispose();
  backend.dispose();
  expect(() => program.run()).toThrow(/disposed/);
  program.release();
  backend.free(a);
  expect(() => program.run()).toThrow(/released/);
  expect(() => backend.allocate(4)).toThrow(/disposed/);
});
