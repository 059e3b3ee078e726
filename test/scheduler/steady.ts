/**
 * Run by steady.test.ts in a process of its own, so that nothing else allocates: flushes like those before them, and the bytes of heap that one
 * of them leaves behind, as JSON.
 */
import { getHeapStatistics } from "node:v8";
import { cpu } from "../../cpu/backend.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { floor } from "../../ops/piecewise.ts";
import { createEngine, type Engine } from "../../scheduler/engine.ts";

const WARM = 30_000;
const FLUSHES = 20_000;
const used = (): number => getHeapStatistics().used_heap_size;
/** Heap that a flush leaves behind: the least of some rounds, for compilers work in the background. */
function growth(step: (i: number) => void): number {
  for (let i = 0; i < WARM; i++) step(i);
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    globalThis.gc!();
    const before = used();
    for (let i = 0; i < FLUSHES; i++) step(i);
    least = Math.min(least, (used() - before) / FLUSHES);
  }
  return least;
}

const engine: Engine = await createEngine({ backend: cpu({ threads: 1 }) });
const aside = engine.variable([0, 0]);
const data = [Float32Array.of(0.25, 1), Float32Array.of(0.5, 2)];
const x = engine.variable([0, 0]);
const [a, b, c] = [engine.variable([0, 0]), engine.variable(1), engine.variable([0.125, 1])];
let chain: Tensor = x;
for (let i = 0; i < 100; i++) chain = cumsum(mul(chain, 0.5));
let told = 0;
const seen = (): void => void told++;
engine.observe(chain, { lend: true }).subscribe(seen);
engine.observe({ sum: add(a, b), product: mul(a, b) }, { lend: true }).subscribe(seen);
const first = cumsum(floor(c));
engine.cutoff(first, "exact");
engine.observe(mul(first, 2), { lend: true }).subscribe(seen);
engine.flushSync();
const write = (i: number) => (): void => {
  a.set(data[i % 2]!);
  b.set(i % 7);
};
const writes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].map(write);
const memory = engine.stats.bytesResident;
const bytes = {
  "a chain of 100 nodes": growth((i) => {
    x.set(data[i % 2]!);
    engine.flushSync();
  }),
  "a cutoff that holds": growth((i) => {
    c.set(data[i % 2]!);
    engine.flushSync();
  }),
  "two sources in a transaction": growth((i) => {
    engine.transaction(writes[i % 14]!);
    engine.flushSync();
  }),
  "a source that nobody looks at": growth((i) => {
    aside.set(data[i % 2]!);
    engine.flushSync();
  }),
  "the same bits": growth(() => {
    x.set(data[0]!);
    engine.flushSync();
  }),
};
const control = growth((i) => {
  x.set([i % 2, 1]);
  engine.flushSync();
});
let awaited = 0;
for (let i = 0; i < WARM + FLUSHES; i++) {
  if (i === WARM) globalThis.gc!();
  if (i === WARM) awaited = used();
  x.set(data[i % 2]!);
  await engine.flush();
}
awaited = (used() - awaited) / FLUSHES;
console.log(JSON.stringify({ bytes, told, resident: engine.stats.bytesResident - memory, control, awaited }));
await engine.dispose();
