/** Runs: what they tell, how they end, and that what was saved goes on bit by bit, whatever became of the process. */
import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lastValueFrom, toArray } from "rxjs";
import { add, createEngine, log, mul, square, sub, sum, type Tensor } from "../../index.ts";
import { levenbergMarquardt } from "../../optim/least-squares.ts";
import { minimize, run } from "../../optim/minimize.ts";
import { adam, sgd } from "../../optim/optimizers.ts";
import { NotFinite } from "../../optim/run.ts";
import { train } from "../../optim/train.ts";
import { initial, loss, optimizer } from "./training.ts";

const folder = mkdtempSync(join(tmpdir(), "run-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a run", () => {
  it("tells of its progress, and ends when all steps were made", async () => {
    const engine = await createEngine({ threads: 1 });
    const r = minimize(loss, initial, { engine, optimizer, steps: 300, reportEvery: 1, measures: { again: engine.variable(7) } });
    const reports = await lastValueFrom(r.progress.pipe(toArray()));
    const outcome = await r.done;
    await engine.dispose();
    expect(outcome).toMatchObject({ step: 300, reason: "all steps were made" });
    expect(reports.length).toBeGreaterThan(3);
    reports.slice(1).forEach((p, i) => expect(p.step).toBeGreaterThanOrEqual(reports[i]!.step));
    expect(reports.at(-1)!.loss).toBeLessThan(reports[0]!.loss);
    expect(reports[0]!.measures).toEqual({ again: 7 });
  });

  it("stands still while it is paused, and can be stopped", async () => {
    const engine = await createEngine({ threads: 1 });
    const r = minimize(loss, initial, { engine, optimizer, steps: 1e9, reportEvery: 1 });
    const first = await new Promise<number>((resolve) => r.progress.subscribe(({ step }) => step > 10 && resolve(step)));
    r.pause();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const { count } = r.training;
    const held = (await engine.read(count)).item();
    expect(held).toBeGreaterThanOrEqual(first);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await engine.read(count)).item()).toBe(held);
    expect(r.paused).toBe(true);
    r.resume();
    await new Promise<void>((resolve) => r.progress.subscribe(({ step }) => step > held && resolve()));
    r.stop();
    expect((await r.done).reason).toBe("stopped");
    await engine.dispose();
  });

  it("ends at a tolerance, and for a method's own reason", async () => {
    const engine = await createEngine({ threads: 1 });
    const r = minimize((x: Tensor) => sum(square(x)), [1, 2], {
      engine,
      optimizer: sgd({ learningRate: 0.1 }),
      steps: 1e6,
      lossTolerance: 1e-6,
    });
    const outcome = await r.done;
    expect(outcome.loss).toBeLessThanOrEqual(1e-6);
    expect(outcome.reason).toContain("not above");
    const fit = levenbergMarquardt(engine, (x: Tensor) => sub(square(x), 2), 1);
    expect((await run(engine, fit, { steps: 1000 }).done).reason).toBe("steps have become short");
    await engine.dispose();
  });

  it("names the measure and the tensor that went bad, and offers the state before", async () => {
    const engine = await createEngine({ threads: 1 });
    const [x, good] = [0.5, (p: Tensor) => square(p)];
    // The logarithm's argument becomes negative after some steps.
    const f = (p: Tensor): Tensor => add(good(p), log(p));
    const training = train(engine, f, x, sgd({ learningRate: 0.1 }));
    const r = run(engine, training, {
      steps: 100,
      reportEvery: 0.001,
      measures: { data: good(training.params), barrier: log(training.params) },
    });
    const error = await r.done.then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(NotFinite);
    const { message, lastGood } = error as NotFinite;
    expect(message).toContain("first of its measures that is not finite is barrier");
    expect(message).toMatch(/it began with log/);
    r.load(lastGood);
    expect((await engine.read(training.loss)).item()).toBeLessThan(1);
    await engine.dispose();
  });
});

describe("snapshots", () => {
  const losses = async (steps: number, from?: Uint8Array): Promise<{ bytes: Uint8Array; data: number[] }> => {
    const engine = await createEngine({ threads: 1 });
    const r = minimize(loss, initial, { engine, optimizer, steps });
    if (from) r.load(from);
    await r.done;
    const data = [...(await engine.read(r.training.params.w)).data];
    const bytes = await r.save();
    await engine.dispose();
    return { bytes, data };
  };

  it("go on bit by bit", async () => {
    const whole = await losses(120);
    const half = await losses(50);
    expect((await losses(120, half.bytes)).data).toEqual(whole.data);
    expect(half.data).not.toEqual(whole.data);
  });

  it("are refused when damaged, cut off, of another version or of another training", async () => {
    const { bytes } = await losses(3);
    const engine = await createEngine({ threads: 1 });
    const r = minimize(loss, initial, { engine, optimizer, steps: 1 });
    await r.done;
    const before = [...(await engine.read(r.training.params.w)).data];
    const changed = (at: number): Uint8Array => bytes.map((b, i) => (i === at ? b ^ 4 : b));
    expect(() => r.load(changed(0))).toThrow("no snapshot");
    expect(() => r.load(changed(4))).toThrow("version");
    for (const at of [12, 40, bytes.length - 9]) expect(() => r.load(changed(at))).toThrow("damaged");
    expect(() => r.load(bytes.subarray(0, bytes.length - 8))).toThrow("damaged");
    expect(() => r.load(new Uint8Array(3))).toThrow("3 bytes are no snapshot");
    const other = minimize(loss, initial, { engine, optimizer: sgd({ learningRate: 1 }), steps: 1 });
    await other.done;
    expect(() => other.load(bytes)).toThrow("another optimizer");
    expect([...(await engine.read(r.training.params.w)).data]).toEqual(before);
    await engine.dispose();
  });
});

describe("files", () => {
  it("are continued from, and belong to one writer at a time", async () => {
    const file = join(folder, "own.fluxion");
    const engine = await createEngine({ threads: 1 });
    await minimize(loss, initial, { engine, optimizer, steps: 30, file }).done;
    const second = minimize(loss, initial, { engine, optimizer, steps: 60, file });
    const outcome = await second.done;
    expect(outcome.step).toBe(60);
    const first = minimize(loss, initial, { engine, optimizer, steps: 1e9, file, saveEvery: 0 });
    await new Promise<void>((resolve) => first.progress.subscribe(({ step }) => step > 70 && resolve()));
    await expect(minimize(loss, initial, { engine, optimizer, steps: 1e9, file, saveEvery: 0 }).done).rejects.toThrow(
      "being written by process",
    );
    first.stop();
    await first.done;
    expect(readdirSync(folder)).toEqual(["own.fluxion"]);
    writeFileSync(file, "nonsense that is long enough");
    await expect(minimize(loss, initial, { engine, optimizer, steps: 90, file }).done).rejects.toThrow("no snapshot");
    await engine.dispose();
  });

  it("survive a process that is killed at any moment: the next one ends with the bits of one that was never killed", async () => {
    const file = join(folder, "killed.fluxion");
    const child = new URL("run-child.ts", import.meta.url);
    const attempt = (kill: number | undefined): Promise<boolean> =>
      new Promise((resolve) => {
        const process = fork(child, [file], { execArgv: ["--import", "tsx"], stdio: "ignore" });
        process.once("message", () => kill !== undefined && setTimeout(() => process.kill("SIGKILL"), kill));
        process.once("exit", (code) => resolve(code === 0));
      });
    for (const kill of [5, 60, 150]) await attempt(kill);
    expect(await attempt(undefined)).toBe(true);
    const engine = await createEngine({ threads: 1 });
    const alone = minimize(loss, initial, { engine, optimizer, steps: 400 });
    await alone.done;
    expect(Buffer.compare(readFileSync(file), await alone.save())).toBe(0);
    await engine.dispose();
  });
});

describe("mistakes", () => {
  it("are named", async () => {
    const engine = await createEngine({ threads: 1 });
    expect(() => minimize((x: Tensor) => mul(x, x), 1, { engine, optimizer: adam(), steps: 0 })).toThrow(
      "steps must be a positive number, got 0",
    );
    await engine.dispose();
  });
});
