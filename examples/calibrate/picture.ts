/** The picture of a calibration: the fitted wave over the observations at several times, and what remains between them. */
import type { Observations } from "./csv.ts";
import { Panel, svg, text } from "./svg.ts";

/** The fitted wave along the grid at one of the times of the observations. */
export interface Profile {
  readonly t: number;
  readonly u: readonly number[];
}

export interface Result {
  readonly observations: Observations;
  /** The points of the grid, where the profiles are given. */
  readonly x: readonly number[];
  readonly profiles: readonly Profile[];
  /** Reading minus observation, one for each. */
  readonly residuals: readonly number[];
  /** One line on what was found. */
  readonly caption: string;
}

// From early to late; each stands out from white and from near-black.
const colors = ["#3b82c4", "#1f9e89", "#8a9a1f", "#d98a1c", "#d2513d", "#b0449a"];

/** Up to six of the observations' times, evenly spread over them. */
export function timesShown({ t }: Observations): number[] {
  const times = [...new Set(t)].sort((a, b) => a - b);
  const count = Math.min(colors.length, times.length);
  return Array.from({ length: count }, (_, i) => times[Math.round(((i + 1) / count) * times.length) - 1]!);
}

export function picture({ observations, x, profiles, residuals, caption }: Result): string {
  const { t, x: places, u } = observations;
  const height = 1.12 * Math.max(...u.map(Math.abs), ...profiles.flatMap((p) => p.u.map(Math.abs)));
  const position = { from: -1, to: 1, label: "position x" };
  const fit = new Panel("Fitted wave and observations", { left: 72, top: 84, width: 480, height: 330 }, position, {
    from: -height,
    to: height,
    label: "velocity u",
  });
  profiles.forEach(({ u: wave }, k) => fit.line([-1, ...x, 1], [0, ...wave, 0], colors[k]!));
  profiles.forEach(({ t: time }, k) => {
    const at = t.flatMap((v, i) => (v === time ? [i] : []));
    fit.points(
      at.map((i) => places[i]!),
      at.map((i) => u[i]!),
      colors[k]!,
    );
  });

  const deviation = Math.sqrt(residuals.reduce((sum, r) => sum + r * r, 0) / residuals.length);
  const range = 1.1 * Math.max(3 * deviation, ...residuals.map(Math.abs)) || 1;
  const rest = new Panel("Residuals", { left: 648, top: 84, width: 300, height: 330 }, position, {
    from: -range,
    to: range,
    label: "fit \u2212 observation",
  });
  rest.band(-2 * deviation, 2 * deviation);
  rest.points(places, residuals, "#6b7fa8", 2.4);

  const legend = profiles.flatMap(({ t: time }, k) => {
    const left = 72 + 84 * k;
    return [`<path class="line" stroke="${colors[k]!}" d="M${left} 488h16"/>`, text(left + 22, 492.5, `t = ${+time.toPrecision(3)}`)];
  });
  const band = [`<rect class="band" x="648" y="480" width="16" height="16"/>`, text(670, 492.5, "\u00b1 2 standard deviations")];
  return svg(980, 520, "Calibration of a viscous Burgers wave", [
    text(24, 36, caption, { kind: "title" }),
    text(956, 36, "dimensionless units", { anchor: "end" }),
    ...fit.parts,
    ...rest.parts,
    ...legend,
    ...band,
  ]);
}
