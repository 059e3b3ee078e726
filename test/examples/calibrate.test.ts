/** The calibration as a whole: the wave in the graph against the exact one, and the program as users run it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEngine, type Engine, stack, type Tensor, tensor, type TypedArray } from "fluxion";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { dependents, topological } from "../../core/graph.ts";
import { coleHopf } from "../../examples/calibrate/cole-hopf.ts";
import { type Observations, parseObservations, readObservations } from "../../examples/calibrate/csv.ts";
import { fitParameters } from "../../examples/calibrate/fit.ts";
import { makeObservations } from "../../examples/calibrate/make-observations.ts";
import { buildModel, type Model } from "../../examples/calibrate/model.ts";
import { estimates, type Summary } from "../../examples/calibrate/report.ts";
import { readings } from "../../examples/calibrate/sensors.ts";
import { gridFor } from "../../examples/calibrate/simulation.ts";

// Three whole calibrations: seconds each, on cores that other tests share.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const root = fileURLToPath(new URL("../../", import.meta.url));
const shipped = join(root, "examples/calibrate/observations.csv");
const truth = { viscosity: 0.05, amplitude: 1.2 };

it("the observations shipped are those that the script writes", async () => {
  expect(await makeObservations()).toBe(readFileSync(shipped, "utf8"));
});

describe("the model", () => {
  const observations = readObservations(shipped);
  const grid = gridFor(observations);
  const steps = [0, 20, 40, 60, 80, 100, 140, grid.steps];
  let engine: Engine;
  let model: Model;
  let waves: Tensor;
  let check: { unsubscribe(): void };
  beforeAll(async () => {
    engine = await createEngine();
    model = buildModel(engine, observations, grid);
    engine.transaction(() => (model.viscosity.set(truth.viscosity), model.amplitude.set(truth.amplitude)));
    waves = stack(steps.map((step) => model.wave[step]!));
    engine.observe({ loss: model.loss, gradient: model.gradient, waves }).subscribe();
    check = engine.observe(model.adjoint).subscribe();
  });
  afterAll(() => engine.dispose());

  it("simulates the exact wave to a thirtieth of the noise, as root mean square, on at least 200 points and 200 steps", async () => {
    expect(grid.x.length).toBeGreaterThanOrEqual(200);
    expect(grid.steps).toBeGreaterThanOrEqual(200);
    const { data } = await engine.read(waves);
    const exact = steps.flatMap((step) => grid.x.map((x) => coleHopf(step * grid.dt, x, truth)));
    const errors = exact.map((u, i) => Math.abs(data[i]! - u));
    const noise = 0.0065;
    expect(Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length)).toBeLessThan(noise / 30);
    expect(Math.max(...errors)).toBeLessThan(noise / 7);
  });

  it("gives the gradient by tangents and by adjoints to 11 digits, and as the slope of the loss", async () => {
    const at = async (viscosity: number): Promise<{ loss: number; gradient: TypedArray; adjoint: TypedArray }> => {
      model.viscosity.set(viscosity);
      const { loss, gradient, adjoint } = await engine.read({ loss: model.loss, gradient: model.gradient, adjoint: model.adjoint });
      return { loss: loss.item(), gradient: gradient.data, adjoint: adjoint.data };
    };
    const [guess, h] = [0.04, 1e-4];
    const [above, below, here] = [await at(guess * Math.exp(h)), await at(guess * Math.exp(-h)), await at(guess)];
    expect(here.gradient[0]! / ((above.loss - below.loss) / (2 * h))).toBeCloseTo(1, 6);
    for (const i of [0, 1]) expect(here.adjoint[i]! / here.gradient[i]!).toBeCloseTo(1, 11);
  });

  it("recomputes no node of the simulation when an observation changes", async () => {
    check.unsubscribe();
    const { loss, gradient, measured, wave } = model;
    const change = async (value: number): Promise<number> => {
      const before = engine.stats.nodesComputed;
      measured.set(Float64Array.from(observations.u).with(7, value));
      await engine.flush();
      return engine.stats.nodesComputed - before;
    };
    await change(0.5);
    // What follows from an observation: loss and gradient, apart from the whole simulation.
    const follows = [...dependents([loss, gradient], [measured])].filter((t) => t !== measured);
    const simulation = new Set(topological(wave));
    expect(follows.some((t) => simulation.has(t))).toBe(false);
    expect(follows.length).toBeLessThan(20);
    for (const value of [0.6, 0.7]) {
      const computed = await change(value);
      expect(computed).toBeGreaterThan(0);
      expect(computed).toBeLessThanOrEqual(follows.length);
    }
  });
});

describe("the sensors", () => {
  it("read the wave between points and steps, at the ends and at the start", async () => {
    const t = [0, 0, 0.1, 0.123, 0.4, 0.4567, 0.75, 0.75, 0.3, 0.2001, 0.74999];
    const x = [-0.5, 0.333, -1, 0.04, 1, -0.123, -0.999, 0.9999, 0, 0.995, 0.21];
    const observations: Observations = { t, x, u: t, truth: undefined };
    const grid = gridFor(observations);
    const states = Array.from({ length: grid.steps + 1 }, (_, i) =>
      tensor(Float64Array.from(grid.x, (v) => coleHopf(i * grid.dt, v, truth))),
    );
    const engine = await createEngine();
    const { data } = await engine.read(readings(states, observations, grid));
    t.forEach((time, i) => expect(Math.abs(data[i]! - coleHopf(time, x[i]!, truth))).toBeLessThan(2e-4));
    await engine.dispose();
  });
});

describe("the fit", () => {
  it("finds the parameters of observations of which nobody told the truth", async () => {
    const own = { viscosity: 0.08, amplitude: 0.9 };
    const rows = [0.1, 0.3, 0.5].flatMap((t) => [-0.7, -0.3, 0.25, 0.6].map((x) => `${coleHopf(t, x, own)},${x},${t}`));
    const observations = parseObservations(["u,x,t", ...rows].join("\n"), "own.csv");
    const engine = await createEngine();
    const fit = await fitParameters(engine, buildModel(engine, observations, gridFor(observations)), () => {});
    await engine.dispose();
    const { viscosity, amplitude } = estimates(fit.best, observations);
    expect([viscosity.truth, viscosity.relativeError, amplitude.truth]).toEqual([null, null, null]);
    expect(Math.abs(viscosity.estimate / own.viscosity - 1)).toBeLessThan(0.002);
    expect(Math.abs(amplitude.estimate / own.amplitude - 1)).toBeLessThan(0.002);
  });
});

describe("npm start", () => {
  const run = (...args: string[]): { status: number | null; stdout: string; stderr: string; folder: string } => {
    const folder = mkdtempSync(join(tmpdir(), "calibrate-"));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", import.meta.resolve("tsx"), join(root, "examples/calibrate/main.ts"), ...args],
      { cwd: folder, encoding: "utf8", env: { ...process.env, TSX_TSCONFIG_PATH: join(root, "tsconfig.json") } },
    );
    return { status, stdout, stderr, folder };
  };

  it("finds both parameters to 1% and within three standard errors, and prints one object with --json", () => {
    const { status, stdout, stderr, folder } = run("--json");
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    const summary = JSON.parse(stdout) as Summary;
    for (const name of ["viscosity", "amplitude"] as const) {
      const { estimate, stderr: error, relativeError } = summary[name];
      expect(summary[name].truth).toBe(truth[name]);
      expect(relativeError).toBeCloseTo(Math.abs(estimate / truth[name] - 1), 12);
      expect(relativeError).toBeLessThanOrEqual(0.01);
      expect(Math.abs(estimate - truth[name])).toBeLessThanOrEqual(3 * error!);
      expect(error! / truth[name]).toBeLessThan(0.01);
    }
    expect(summary.mismatch).toBeLessThan(1e-10);
    expect(summary.slider.nodesTotal).toBeGreaterThan(10_000);
    expect(summary.sensor.nodesRecomputed).toBeLessThan(20);
    expect(summary.sensor.nodesRecomputed).toBeGreaterThan(0);
    expect(readFileSync(join(folder, "out/calibrate.svg"), "utf8")).toMatch(/^<svg [^]*<\/svg>\n$/);
    expect(stderr).not.toMatch(/\x1b/);
  });

  it.each([
    ["a file that is not there", ["--data", "none.csv"], "none.csv: no such file\n"],
    ["a row that does not fit", ["--json", "--data", "bad.csv"], 'bad.csv:3:5: column x: "left" is not a number\n'],
    ["an option it does not know", ["--dta", "bad.csv"], "Unknown option '--dta'"],
  ])("refuses %s with exit code 2, and writes nothing", (_, args, message) => {
    const bad = join(mkdtempSync(join(tmpdir(), "calibrate-")), "bad.csv");
    writeFileSync(bad, "t,x,u\n0.1,0,1\n0.2,left,1\n");
    const { status, stdout, stderr, folder } = run(...args.map((a) => (a === "bad.csv" ? bad : a)));
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  it("explains itself with --help", () => {
    const { status, stdout } = run("--help");
    expect(status).toBe(0);
    expect(stdout).toContain("--data FILE");
  });
});
