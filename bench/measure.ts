/**
 * How long a step takes, several contestants in turn: what else runs on the machine then falls on all of them alike. CPU time of the whole
 * process is what ratios are made of; wall time stands beside it.
 */
export type Step = () => void | Promise<void>;

/** Milliseconds a step: medians over trials. */
export interface Timing {
  readonly cpu: number;
  readonly wall: number;
}

export interface Effort {
  /** How many times each contestant is timed. */
  readonly trials: number;
  /** CPU milliseconds that a trial takes at least: it repeats the step as often as that needs. */
  readonly trialMs: number;
  /** CPU milliseconds and steps of warm-up at least. */
  readonly warmMs: number;
  readonly warmSteps: number;
}

export const effort: Effort = { trials: 15, trialMs: 5, warmMs: 200, warmSteps: 3 };

/** Milliseconds of CPU that this process has used. */
export function cpuNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

async function repeat(step: Step, times: number): Promise<Timing> {
  const cpu = cpuNow();
  const wall = performance.now();
  for (let i = 0; i < times; i++) {
    const done = step();
    if (done) await done;
  }
  return { cpu: (cpuNow() - cpu) / times, wall: (performance.now() - wall) / times };
}

/** Warms a step up, and says how many repetitions make a trial. */
async function repetitions(step: Step, { trialMs, warmMs, warmSteps }: Effort): Promise<number> {
  let times = 1;
  let spent = 0;
  await repeat(step, warmSteps);
  while (spent < warmMs) {
    const { cpu } = await repeat(step, times);
    spent += Math.max(cpu * times, 0.01);
    if (cpu * times < trialMs) times = Math.min(times * 2, 1 << 20);
  }
  return times;
}

/** Times all steps, one after the other, in each of several rounds. */
export async function compare(steps: Readonly<Record<string, Step>>, options: Effort = effort): Promise<Record<string, Timing>> {
  const names = Object.keys(steps);
  const times = new Map<string, number>();
  for (const name of names) times.set(name, await repetitions(steps[name]!, options));
  const found = new Map<string, Timing[]>(names.map((name) => [name, []]));
  for (let trial = 0; trial < options.trials; trial++)
    for (const name of names) found.get(name)!.push(await repeat(steps[name]!, times.get(name)!));
  return Object.fromEntries(names.map((name) => [name, medians(found.get(name)!)]));
}

export const medians = (timings: readonly Timing[]): Timing => ({
  cpu: median(timings.map((t) => t.cpu)),
  wall: median(timings.map((t) => t.wall)),
});
