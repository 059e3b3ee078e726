/** PyTorch in a process of its own, where there is a Python that has it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { SelfTimed, TorchWork } from "../case.ts";
import { effort } from "../measure.ts";

export const hasTorch = (python: string): boolean => spawnSync(python, ["-c", "import torch"]).status === 0;

/** Runs a job. PyTorch is timed where its outputs are computed: both come from one process. */
export async function pytorch(python: string, { work, inputs }: TorchWork, trials: number): Promise<SelfTimed> {
  const encoded = inputs.map(({ shape, data }) => ({
    shape,
    data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
  }));
  const child = spawn(python, [fileURLToPath(new URL("pytorch.py", import.meta.url))], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify({ ...effort, work, trials, inputs: encoded }));
  const [answer] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (child.exitCode !== 0) throw new Error(`pytorch: ${work} failed`);
  const { cpu, wall, outputs } = JSON.parse(answer) as { cpu: number; wall: number; outputs: string[] };
  return {
    outputs: () => outputs.map((v) => new Float32Array(new Uint8Array(Buffer.from(v, "base64")).buffer)),
    time: () => Promise.resolve({ cpu, wall }),
  };
}
