/** alien-signals and Preact signals behind one face, that of the graph cases. */
import type { Reactive } from "../cases/graph.ts";

type Read = () => number;

const sumOf = ([a, b]: readonly [Read, Read?], plus: number): Read => (b ? () => a() + b() + plus : () => a() + plus);

export async function alienSignals(): Promise<Reactive<Read>> {
  const { computed, effect, signal } = await import("alien-signals");
  return {
    source: (value) => {
      const s = signal(value);
      return { node: s, set: (v) => void s(v) };
    },
    sum: (inputs, plus) => computed(sumOf(inputs, plus)),
    floor: (input) => computed(() => Math.floor(input())),
    observe: (node, seen) => {
      const stop = effect(() => seen(node()));
      return { settle: () => {}, stop };
    },
  };
}

export async function preactSignals(): Promise<Reactive<Read>> {
  const { computed, effect, signal } = await import("@preact/signals-core");
  const derived = (f: Read): Read => {
    const c = computed(f);
    return () => c.value;
  };
  return {
    source: (value) => {
      const s = signal(value);
      return { node: () => s.value, set: (v) => void (s.value = v) };
    },
    sum: (inputs, plus) => derived(sumOf(inputs, plus)),
    floor: (input) => derived(() => Math.floor(input())),
    observe: (node, seen) => {
      const stop = effect(() => seen(node()));
      return { settle: () => {}, stop };
    },
  };
}
