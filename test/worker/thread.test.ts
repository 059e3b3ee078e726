/** A worker that is one: the thread that writes stays free, and what becomes of both when one of them ends. */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import { type BaseEngine, createEngine, matmul, type Tensor, type Variable } from "fluxion";
import { startWorker } from "../../worker/channel.ts";
import { connect } from "../../worker/remote.ts";

const engines: BaseEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.dispose();
});
const made = <E extends BaseEngine>(engine: E): E => (engines.push(engine), engine);

/** Products in a row: some hundred milliseconds on one thread. */
function slow(engine: BaseEngine, size = 512, products = 24): { x: Variable; y: Tensor } {
  const x = engine.variable(new Float32Array(size * size).fill(1 / size), { shape: [size, size] });
  let y: Tensor = x;
  for (let i = 0; i < products; i++) y = matmul(y, x);
  return { x, y };
}
const filled = (v: number, size = 512): Float32Array => new Float32Array(size * size).fill(v);

/** The longest time in which a timer of 5 ms did not come, while a promise was open. */
async function longestSilence(act: () => Promise<unknown>): Promise<number> {
  let last = performance.now();
  let longest = 0;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 5);
  await act();
  look();
  clearInterval(timer);
  return longest;
}

it("a long step leaves this thread free, where an engine in this thread holds it up", async () => {
  const silences: number[] = [];
  for (const engine of [made(await createEngine({ threads: 1 })), made(await createEngine({ worker: true, threads: 1 }))]) {
    const { x, y } = slow(engine);
    await engine.read(y);
    // The least of some: other programs hold threads up, too.
    let least = Infinity;
    for (let i = 1; i <= 4 && least > 50; i++) {
      x.set(filled(i / 600));
      least = Math.min(least, await longestSilence(() => engine.read(y)));
    }
    silences.push(least);
  }
  const [blocked, free] = silences as [number, number];
  expect(blocked).toBeGreaterThan(100);
  expect(free).toBeLessThan(Math.max(50, blocked / 4));
});

it("writes during a step become one epoch, of the newest values", async () => {
  const engine = made(await createEngine({ worker: true, threads: 1 }));
  const { x, y } = slow(engine);
  const seen: { epoch: number; first: number }[] = [];
  engine.observe({ x, y }).subscribe((v) => seen.push({ epoch: v.x.epoch, first: v.x.data[0]! }));
  await engine.flush();
  for (let i = 1; i <= 40; i++) {
    x.set(filled(i / 1024));
    await pause(1);
  }
  await engine.flush();
  expect(seen.at(-1)!.first).toBe(40 / 1024);
  expect(seen.length).toBeLessThan(20);
  expect(seen.map((s) => s.epoch)).toEqual(seen.map((_, i) => i));
});

it("disposal in the middle of a step ends it: reads are rejected, observers complete, later writes throw", async () => {
  const engine = made(await createEngine({ worker: true, threads: 1, label: "far" }));
  const { x, y } = slow(engine, 512, 400);
  let completed = false;
  engine.observe(y).subscribe({ complete: () => (completed = true) });
  const [reading, flushing] = [engine.read(y), engine.flush()];
  await pause(30);
  // Answered after the step that is under way.
  const explaining = engine.explain(y);
  const start = performance.now();
  const disposing = engine.dispose();
  await expect(reading).rejects.toThrow(/far was disposed/);
  await expect(explaining).rejects.toThrow(/far was disposed/);
  await flushing;
  await disposing;
  expect(completed).toBe(true);
  expect(performance.now() - start).toBeLessThan(2000);
  expect(() => x.set(filled(1))).toThrow(/far was disposed/);
  await expect(engine.read(y)).rejects.toThrow(/far was disposed/);
  await engine.dispose();
});

it("a worker that dies ends its engine: reads and observers are told why, and so is engine.failures", async () => {
  const channel = startWorker();
  const engine = made(await connect({ label: "far" }, channel));
  const { x, y } = slow(engine, 512, 400);
  const told: unknown[] = [];
  engine.failures.subscribe(({ error }) => told.push(error));
  engine.observe(y).subscribe({ error: (error: unknown) => told.push(error) });
  const reading = engine.read(y);
  await pause(30);
  await channel.close();
  const why = /far: its worker was lost: it exited with code 1.*Make a new engine/;
  await expect(reading).rejects.toThrow(why);
  expect(told.map(String)).toEqual([expect.stringMatching(why), expect.stringMatching(why)]);
  expect(() => x.set(filled(1))).toThrow(/disposed/);
});

it("a worker that does not come up is an error where the engine is made", async () => {
  const channel = startWorker();
  const making = connect({ label: "far" }, channel);
  await Promise.all([expect(making).rejects.toThrow(/far: its worker was lost/), channel.close()]);
});

it("a process whose engine is idle ends by itself, after what was pending", async () => {
  const program = `
    import { createEngine } from ${JSON.stringify(pathToFileURL(resolve("index.ts")).href)};
    const engine = await createEngine({ worker: true });
    const x = engine.variable(1);
    engine.observe(x.mul(2)).subscribe((v) => console.log("observed", v.item()));
    console.log("read", (await engine.read(x.add(1))).item());
    x.set(5);
    engine.toDot(x).then((dot) => console.log("drawn", dot.includes("variable")));
  `;
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  expect(stdout.trim().split("\n").sort()).toEqual(["drawn true", "observed 10", "observed 2", "read 2"]);
});
