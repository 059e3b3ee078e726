/** One case: everyone's results compared with the reference, then everyone timed. */
import { type Case, type Contestant, disagreement, type PeerName, type SelfTimed } from "./case.ts";
import { compare, effort, type Step, type Timing } from "./measure.ts";
import { pytorch } from "./peers/pytorch.ts";

export interface Task {
  readonly name: string;
  readonly trials: number;
  /** A Python that has PyTorch. */
  readonly python?: string | undefined;
  /** What a yardstick program reached here, in the unit of the case. */
  readonly reached?: number | undefined;
}

/** What is printed of a case. Times are medians, in the unit of the case. */
export interface Result {
  readonly name: string;
  readonly unit: Case["unit"];
  readonly fluxion: number;
  readonly peers: Record<string, number>;
  /** fluxion's time over the peer's. */
  readonly ratio: Record<string, number>;
  /** Whether all results, fluxion's and the peers', agree with the reference. */
  readonly checked: boolean;
  /** Wall time of everyone; the figures above are CPU time, unless the case says otherwise. */
  readonly wall: Record<string, number>;
  /** The largest relative difference from the reference of everyone. */
  readonly error: Record<string, number>;
  /** Kernels a step, nodes, plans, bytes resident and moved; other measures of fluxion. */
  readonly counts: Record<string, number>;
  readonly note?: string;
}

const round = (v: number): number => Number(v.toPrecision(4));
export const isSelfTimed = (c: Contestant | SelfTimed): c is SelfTimed => "time" in c;

export async function runCase(c: Case, { trials, python, reached }: Task): Promise<Result> {
  const contestants = new Map<string, Contestant | SelfTimed>([["fluxion", await c.fluxion()]]);
  for (const [name, build] of Object.entries(c.peers)) contestants.set(name, await build());
  if (python && c.torch) contestants.set("pytorch" satisfies PeerName, await pytorch(python, c.torch, trials));

  const expected = c.reference();
  const error: Record<string, number> = {};
  for (const [name, contestant] of contestants) error[name] = disagreement(await contestant.outputs(), expected);

  const steps: Record<string, Step> = {};
  const timings: Record<string, Timing> = {};
  for (const [name, contestant] of contestants) {
    if (isSelfTimed(contestant)) timings[name] = await contestant.time(trials);
    else steps[name] = contestant.step;
  }
  const fluxion = contestants.get("fluxion")!;
  const also = isSelfTimed(fluxion) ? {} : (fluxion.also ?? {});
  const tried = { ...effort, trials, warmSteps: c.warmSteps ?? effort.warmSteps };
  Object.assign(timings, await compare(steps, tried), await compare(also, tried));
  const counts = (await fluxion.counts?.()) ?? {};
  for (const contestant of contestants.values()) if (!isSelfTimed(contestant)) await contestant.dispose?.();

  const scale = c.unit === "ms" ? 1 : 1e6 / (c.perStep ?? 1);
  const inUnit = (kind: keyof Timing, list: Iterable<string>): Record<string, number> =>
    Object.fromEntries([...list].map((name) => [name, round(timings[name]![kind] * scale)]));
  const peers = [...contestants.keys()].filter((name) => name !== "fluxion");
  const clock = c.clock ?? "cpu";
  const own = timings["fluxion"]![clock];
  return {
    name: c.name,
    unit: c.unit,
    fluxion: round(own * scale),
    peers: inUnit(clock, peers),
    ratio: Object.fromEntries(peers.map((name) => [name, round(own / timings[name]![clock])])),
    checked: Object.values(error).every((e) => e <= c.tolerance),
    wall: inUnit("wall", contestants.keys()),
    error: Object.fromEntries(Object.entries(error).map(([name, e]) => [name, round(e)])),
    counts: { ...counts, ...inUnit("cpu", Object.keys(also)), ...(reached ? { yardstick: reached, share: round(reached / own) } : {}) },
    ...(c.note ? { note: c.note } : {}),
  };
}
