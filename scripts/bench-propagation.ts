/**
 * What propagation costs: CPU time per node to mark, plan and run a chain without fusion, beyond the arithmetic of its kernels. Prints
 * nanoseconds a node. The yardstick is 25, the best that a height-ordered queue in JavaScript does without any arithmetic.
 */
import { cpu } from "../cpu/backend.ts";
import { keepSites } from "../core/site.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Backend } from "../kernel/backend.ts";
import { add, mul, neg } from "../ops/arithmetic.ts";
import { createEngine } from "../scheduler/engine.ts";

const LENGTH = 1000;
const ROUNDS = 400;

const milliseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** A backend whose programs do nothing: what remains is the engine's own work. */
function idle(backend: Backend): Backend {
  return new Proxy(backend, {
    get: (target, key) => {
      if (key === "prepare") return () => ({ run: () => {}, release: () => {} });
      const member = Reflect.get(target, key, target) as unknown;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

function chain(x: Tensor): Tensor {
  let t = x;
  for (let i = 0; i < LENGTH; i++) t = i % 2 === 0 ? neg(t) : mul(t, x);
  return t;
}

async function measure(make: () => Backend): Promise<{ perFlush: number; nodes: number; newPattern: number }> {
  const engine = await createEngine({ backend: make(), fusion: false });
  const x = engine.variable([1, 2, 3, 4]);
  const others = Array.from({ length: 20 }, (_, i) => engine.variable([i, 1, 1, 1]));
  // Each of the others enters at the foot of the chain: a change of each is a pattern of its own.
  const foot = others.reduce<Tensor>((t, o) => add(t, o), x);
  engine.observe(chain(foot)).subscribe();
  await engine.flush();
  const times: number[] = [];
  for (let k = 0; k < 8; k++) {
    const start = milliseconds();
    for (let i = 0; i < ROUNDS / 8; i++) {
      x.set([i, k, 3, 4]);
      await engine.flush();
    }
    times.push((milliseconds() - start) / (ROUNDS / 8));
  }
  const nodes = engine.stats.lastFlush.nodesComputed;
  const start = milliseconds();
  for (const o of others) {
    o.set([9, 9, 9, 9]);
    await engine.flush();
  }
  const newPattern = (milliseconds() - start) / others.length;
  await engine.dispose();
  return { perFlush: Math.min(...times), nodes, newPattern };
}

keepSites(0);
const ns = (ms: number, nodes: number): string => ((ms * 1e6) / nodes).toFixed(1).padStart(8);
const [real, engineOnly] = [await measure(cpu), await measure(() => idle(cpu()))];
console.log(`a chain of ${real.nodes} nodes that are not fused, 4 elements each; least CPU time, ns a node`);
console.log(`a change seen before                        ${ns(real.perFlush, real.nodes)}`);
console.log(`  beyond the kernels                        ${ns(engineOnly.perFlush, real.nodes)}   (target 100, yardstick 25)`);
console.log(`the first change of a new pattern           ${ns(real.newPattern, real.nodes)}`);
console.log(`  marking, planning, binding                ${ns(engineOnly.newPattern, real.nodes)}`);
