/**
 * Writes observations.csv: what 20 sensors read at 15 times of the exact wave, with normal noise of 1% of the standard
 * deviation of the wave. `npm run make-observations` gives the same file every time.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { random, read } from "fluxion";
import { coleHopf } from "./cole-hopf.ts";

const truth = { viscosity: 0.05, amplitude: 1.2 };
const [sensors, times, duration, noise, seed] = [20, 15, 0.75, 0.01, 1];

/** The text of the file. */
export async function makeObservations(): Promise<string> {
  const points = Array.from({ length: times * sensors }, (_, i) => ({
    t: (duration * (1 + Math.floor(i / sensors))) / times,
    x: -1 + (1 + 2 * (i % sensors)) / sensors,
  }));
  const exact = points.map(({ t, x }) => coleHopf(t, x, truth));
  const mean = exact.reduce((sum, u) => sum + u, 0) / exact.length;
  const deviation = Math.sqrt(exact.reduce((sum, u) => sum + (u - mean) ** 2, 0) / exact.length);
  const { data: normal } = await read(random.normal(random.key(seed), [exact.length]));
  const observed = exact.map((u, i) => u + noise * deviation * normal[i]!);
  return [
    `# Viscous Burgers wave u_t + u u_x = nu u_xx, u(0, x) = -A sin(pi x), at rest at x = -1 and 1, read by ${sensors} sensors.`,
    `# Exact solution (Cole-Hopf, 100 quadrature nodes) with normal noise of 1% of its standard deviation, seed ${seed}.`,
    `# truth: viscosity=${truth.viscosity} amplitude=${truth.amplitude}`,
    "t,x,u",
    ...points.map(({ t, x }, i) => `${t.toFixed(2)},${x.toFixed(2)},${observed[i]!.toFixed(6)}`),
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL("observations.csv", import.meta.url), await makeObservations());
