/** Steps with numbers in them: sizes and strides of now, and where everything lies. */
import type { Dim } from "../core/dim.ts";
import { storageBytes } from "../core/dtype.ts";
import type { BoundOperand, BoundStep, Buffer } from "../kernel/backend.ts";
import type { Operand, Rows, Slot, Step } from "../kernel/kernel.ts";
import { BLOCK } from "../kernel/tree.ts";
import { layOut } from "./transient.ts";

/** The buffer of a slot, and where in it the slot begins. */
export type Locate = (slot: Slot) => { readonly buffer: Buffer; readonly bytes: number; readonly local?: true };

export function bindSteps(steps: readonly Step[], size: (d: Dim) => number, locate: Locate): BoundStep[] {
  return steps.map((step) =>
    step.rows ? { ...bindStep(step, size, locate), rows: bindRows(step.rows, size, locate) } : bindStep(step, size, locate),
  );
}

function bindStep({ kernel, sizes, reads, writes, uniforms }: Step, size: (d: Dim) => number, locate: Locate): BoundStep {
  const operand = ({ slot, offset, strides }: Operand): BoundOperand => {
    const { buffer, bytes, local } = locate(slot);
    const bound = { buffer, offset: size(offset) + bytes / storageBytes(slot.storage), strides: strides.map(size) };
    return local ? { ...bound, local } : bound;
  };
  return { kernel, sizes: sizes.map(size), reads: reads.map(operand), writes: writes.map(operand), uniforms: uniforms.map(size) };
}

/** Stages, with room for a tile of what is local to them. */
function bindRows({ stages, locals }: Rows, size: (d: Dim) => number, locate: Locate): NonNullable<BoundStep["rows"]> {
  const room = layOut(
    stages.map((s) => s.step),
    (slot) => locals.has(slot),
    (slot) => size(locals.get(slot)!) * BLOCK * storageBytes(slot.storage),
  );
  const inTile: Locate = (slot) => {
    const bytes = room.offsets.get(slot);
    return bytes === undefined ? locate(slot) : { buffer: 0, bytes, local: true };
  };
  return { stages: stages.map((s) => ({ ...s, step: bindStep(s.step, size, inTile), unit: size(s.unit) })), bytes: room.bytes };
}
