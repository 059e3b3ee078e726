/** All primitives by their names: those of operations, and loops and branches. How another thread finds what a node applies. */
import type { Primitive } from "../core/primitive.ts";
import { primitiveNamed as operationNamed } from "../ops/table.ts";
import { boundPrimitive } from "./control/body.ts";
import { scanPrimitive } from "./control/scan.ts";
import { switchPrimitive } from "./control/switch.ts";
import { whilePrimitive } from "./control/while.ts";

const control = new Map<string, Primitive>([boundPrimitive, scanPrimitive, switchPrimitive, whilePrimitive].map((p) => [p.name, p]));

/** The library's primitive of a name, if it has one. */
export const primitiveNamed = (name: string): Primitive | undefined => control.get(name) ?? operationNamed(name);
