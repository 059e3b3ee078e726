/**
 * Calibrates a simulation, live. A viscous Burgers wave was observed at a few places; its viscosity and its initial
 * amplitude are unknown. The simulation is a graph, and so are its tangents and its adjoints: set a parameter, and loss
 * and derivatives stream out, which tell where to set it next. Then a slider shows what a change costs.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createEngine, stack } from "fluxion";
import { InputError, type Observations, readObservations } from "./csv.ts";
import { fitParameters } from "./fit.ts";
import { buildModel } from "./model.ts";
import { parseOptions, usage } from "./options.ts";
import { picture, timesShown } from "./picture.ts";
import { caption, estimates, Report, type Summary } from "./report.ts";
import { gridFor } from "./simulation.ts";
import { play } from "./slider.ts";

const file = "out/calibrate.svg";

async function calibrate(observations: Observations, report: Report): Promise<Summary> {
  const engine = await createEngine();
  const grid = gridFor(observations);
  const model = buildModel(engine, observations, grid);
  const { viscosity, measured, wave, residuals, loss, gradient, curvature, adjoint } = model;

  const times = timesShown(observations);
  const waves = stack(times.map((t) => wave[Math.round(t / grid.dt)]!));

  // What is observed stays up to date from here on.
  const display = engine.observe({ loss, gradient, curvature, residuals, waves }).subscribe();
  const check = engine.observe(adjoint).subscribe();

  const fit = await fitParameters(engine, model, (fit) => report.iteration(fit));
  const found = estimates(fit.best, observations);
  const nodes = engine.stats.nodesNecessary;

  const best = await engine.read({ residuals, waves });
  const profiles = (best.waves.toArray() as number[][]).map((u, i) => ({ t: times[i]!, u }));
  const svg = picture({ observations, x: grid.x, profiles, residuals: [...best.residuals.data], caption: caption(found) });

  // A slider on the viscosity: everything depends on it.
  const [nu] = fit.best.parameters;
  const small = Array.from({ length: 20 }, (_, i) => (i + 1) / 1000);
  const slider = await play(
    engine,
    small.map((share) => nu * (1 + share)),
    (value) => viscosity.set(value),
    report.slider("A slider on the viscosity", "viscosity"),
  );

  // A slider on one sensor's observation: the wave does not depend on it, and neither do its tangents. The adjoints do.
  const seen = Float64Array.from(observations.u);
  const middle = seen.length >> 1;
  const observe = (value: number): void => measured.set(seen.with(middle, value));
  const values = small.map((share) => seen[middle]! + share);
  const sensorWithAdjoints = await play(engine, values, observe, report.slider("A slider on one observation", "observation"));
  check.unsubscribe();
  const sensor = await play(engine, values, observe, report.slider("The same, with nobody watching the adjoints", "observation"));

  display.unsubscribe();
  await engine.dispose();
  mkdirSync("out", { recursive: true });
  writeFileSync(file, svg);
  return { ...found, iterations: fit.evaluations, nodes, mismatch: report.mismatch, slider, sensor, sensorWithAdjoints };
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(usage);
  else {
    const observations = readObservations(options.data);
    const report = new Report(options.json ? process.stderr : process.stdout, observations.u.length);
    const summary = await calibrate(observations, report);
    report.closing(summary, file);
    if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  }
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
