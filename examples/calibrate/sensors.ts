/**
 * What the sensors would read of a simulated wave: interpolation between the points of the grid (cubic) and between its
 * steps (linear), as one gather from the steps that matter and one weighted sum.
 */
import { stack, sum, take, tensor, type Tensor } from "fluxion";
import type { Observations } from "./csv.ts";
import type { Grid } from "./simulation.ts";

/** One value of the wave and its share in a reading. */
interface Share {
  readonly step: number;
  readonly point: number;
  readonly weight: number;
}

/** The simulated readings at the times and places of the observations: a tensor like u. */
export function readings(states: readonly Tensor[], { t, x }: Observations, grid: Grid): Tensor {
  const shares = t.map((time, i) => sharesOf(time, x[i]!, grid));
  const steps = [...new Set(shares.flat().map((share) => share.step))].sort((a, b) => a - b);
  const row = new Map(steps.map((step, i) => [step, i]));
  const n = grid.x.length;
  // Rows of equal length: shares of weight zero fill up.
  const width = Math.max(1, ...shares.map((list) => list.length));
  const cells = shares.flatMap((list) => Array.from({ length: width }, (_, k) => list[k] ?? { step: steps[0]!, point: 0, weight: 0 }));
  const indices = tensor(
    Int32Array.from(cells, ({ step, point }) => row.get(step)! * n + point),
    { shape: [t.length, width] },
  );
  const weights = tensor(
    Float64Array.from(cells, ({ weight }) => weight),
    { shape: [t.length, width] },
  );
  const wave = stack(steps.map((step) => states[step]!));
  return sum(take(wave, indices).mul(weights), 1).named("readings");
}

function sharesOf(time: number, position: number, { x, dx, steps, dt }: Grid): Share[] {
  const exact = time / dt;
  // A time that is a step but for rounding needs that step alone.
  const at = Math.abs(exact - Math.round(exact)) < 1e-9 ? Math.round(exact) : exact;
  const step = Math.min(Math.floor(at), steps - 1);
  const late = at - step;
  const cell = Math.min(Math.floor((position + 1) / dx), x.length);
  const along = (position + 1) / dx - cell;
  const cubic = [
    (-along * (along - 1) * (along - 2)) / 6,
    ((along + 1) * (along - 1) * (along - 2)) / 2,
    (-(along + 1) * along * (along - 2)) / 2,
    ((along + 1) * along * (along - 1)) / 6,
  ];
  return [1 - late, late].flatMap((share, later) =>
    share === 0 ? [] : cubic.flatMap((weight, k) => mirrored(cell - 1 + k, x.length, { step: step + later, weight: share * weight })),
  );
}

/** The wave is odd about both ends: beyond them lies its negative mirror image, and zero at the ends themselves. */
function mirrored(place: number, n: number, { step, weight }: { step: number; weight: number }): Share[] {
  if (weight === 0 || place === 0 || place === n + 1) return [];
  if (place < 0) return [{ step, point: -place - 1, weight: -weight }];
  if (place > n + 1) return [{ step, point: 2 * n + 1 - place, weight: -weight }];
  return [{ step, point: place - 1, weight }];
}
