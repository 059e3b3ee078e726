/** Steps as their kernels see them: arguments, 32-bit words, and room to work in. */
import { type Storage, storageBytes } from "../core/dtype.ts";
import type { BoundOperand, BoundStep } from "../kernel/backend.ts";
import type { Access } from "../kernel/kernel.ts";
import { storagesOf } from "../kernel/routine.ts";
import { ARGUMENT_BYTES } from "./parallel.ts";
import type { Part } from "./parts.ts";
import { matmulArguments, matmulWorkspace, productsOf } from "./product.ts";
import { routineWorkspace } from "./routine.ts";
import { scatterWorkspace } from "./scatter.ts";
import { argsortWorkspace } from "./sort.ts";

/** The bytes that a step needs beside its operands. */
export function workspaceOf(step: BoundStep): number {
  const { kernel, sizes } = step;
  switch (kernel.kind) {
    case "loop":
      return 0;
    case "matmul":
      return matmulWorkspace(step, kernel.storage);
    case "scatterAdd":
      return scatterWorkspace(sizes);
    case "argsort":
      return argsortWorkspace(sizes);
    case "routine":
      return routineWorkspace(kernel, sizes);
    case "rows":
      return 0;
  }
}

/** Appends the arguments of a step, as its kernel reads them. `workspace` is an address, or 0 if the step needs none. */
export function pushArguments(out: number[], step: BoundStep, workspace: number): void {
  const { kernel, sizes, reads, writes, uniforms } = step;
  const push = (values: readonly number[], scale = 1): void => {
    for (const v of values) out.push(v * scale);
  };
  const pushAddress = (o: BoundOperand, storage: Storage): number => out.push(o.buffer + o.offset * storageBytes(storage));
  if (kernel.kind === "matmul") return push(matmulArguments(step, kernel.storage, workspace));
  push(sizes);
  switch (kernel.kind) {
    case "loop": {
      const pushOperands = (operands: readonly BoundOperand[], accesses: readonly Access[]): void =>
        operands.forEach((o, i) => {
          const { storage } = accesses[i]!;
          pushAddress(o, storage);
          push(o.strides, storageBytes(storage));
        });
      pushOperands(reads, kernel.reads);
      pushOperands(writes, kernel.writes);
      if (kernel.body.positional) push((step as Part).origin ?? sizes.map(() => 0));
      return push(uniforms);
    }
    case "scatterAdd":
      pushAddress(reads[0]!, kernel.storage);
      pushAddress(reads[1]!, "i32");
      pushAddress(reads[2]!, kernel.storage);
      pushAddress(writes[0]!, kernel.storage);
      break;
    case "argsort":
      pushAddress(reads[0]!, kernel.storage);
      pushAddress(writes[0]!, "i32");
      break;
    case "routine":
      storagesOf(kernel.routine.reads, kernel.storage).forEach((s, i) => pushAddress(reads[i]!, s));
      storagesOf(kernel.routine.writes, kernel.storage).forEach((s, i) => pushAddress(writes[i]!, s));
  }
  out.push(workspace);
}

/** Kernels are invoked for one product each. */
export const singles = (step: BoundStep): readonly BoundStep[] => (step.kernel.kind === "matmul" ? productsOf(step) : [step]);

export function argumentsOf(step: BoundStep, workspace: number): number[] {
  const out: number[] = [];
  pushArguments(out, step, workspace);
  return out;
}

/** Which arguments of steps of one kernel are addresses in the workspace, as byte offsets: those that move with it. */
export function workspaceArguments(steps: readonly BoundStep[]): readonly number[] {
  if (steps.every((s) => workspaceOf(s) === 0)) return [];
  const [here, there] = [argumentsOf(steps[0]!, 0), argumentsOf(steps[0]!, 64)];
  if (4 * here.length > ARGUMENT_BYTES) throw new Error(`cpu: a kernel with a workspace has at most ${ARGUMENT_BYTES / 4} arguments`);
  return here.flatMap((v, i) => (v === there[i] ? [] : [4 * i]));
}
