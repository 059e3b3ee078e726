/**
 * What the machine can reach, where a folder of yardstick programs is named: `limit.mjs` prints {"name", "unit", "value"} a line for arrays
 * (GFLOP/s, or ms), `pinn.mjs` and `mlp.mjs` tables with the time of a step written by hand.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";

async function output(folder: string, program: string, ...options: string[]): Promise<string> {
  const path = join(folder, program);
  if (!existsSync(path)) return "";
  const child = spawn(process.execPath, [path, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const [found] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return found;
}

/** Milliseconds of CPU a step, by the name of the case. */
export async function yardsticks(folder: string, wanted: (name: string) => boolean): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const arrays = ["matmul-512", "chain-1M", "tanh-1M"].filter(wanted);
  if (arrays.length > 0)
    for (const line of (await output(folder, "limit.mjs")).split("\n").filter((l) => l.startsWith("{"))) {
      const { name, unit, value } = JSON.parse(line) as { name: string; unit: string; value: number };
      if (arrays.includes(name)) found.set(name, unit === "ms" ? value : (2 * 512 ** 3) / 1e6 / value);
    }
  const points = [1024, 10_000].filter((n) => wanted(`pinn-${n}`));
  if (points.length > 0) {
    const table = await output(folder, "pinn.mjs", ...(points.includes(10_000) ? [] : ["--quick"]));
    for (const n of points) {
      const section = table.split(`N = ${n}:`)[1]?.split("N = ")[0] ?? "";
      const times = [...section.matchAll(/C=4 exact tanh, tile \d+ +([\d.]+) \(/g)].map((m) => Number(m[1]));
      if (times.length > 0) found.set(`pinn-${n}`, Math.min(...times));
    }
  }
  if (wanted("mlp-1024")) {
    const time = /batch 1024: ([\d.]+) ms/.exec(await output(folder, "mlp.mjs"))?.[1];
    if (time) found.set("mlp-1024", Number(time));
  }
  return found;
}
