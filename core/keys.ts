/**
 * Parameters as text, for the intern table: a node is found again by its primitive, this key and its inputs.
 */
import { SymbolicDim } from "./dim.ts";

/** Equal parameters, equal text. Dimensions print canonically; objects with identity print their id. */
export function paramsKey(params: object): string {
  let key = "";
  for (const [name, value] of Object.entries(params)) key += `${name}:${keyOf(value)};`;
  return key;
}

function keyOf(v: unknown): string {
  if (typeof v === "number") return Object.is(v, -0) ? "-0" : String(v);
  if (typeof v === "string") return JSON.stringify(v);
  if (v === undefined || v === null || typeof v === "boolean") return String(v);
  if (v instanceof SymbolicDim) return v.text;
  if (Array.isArray(v)) return `[${v.map(keyOf).join()}]`;
  if (typeof v === "object" && Object.getPrototypeOf(v) === Object.prototype) return `{${paramsKey(v)}}`;
  return `#${identityOf(v as object)}`;
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;
function identityOf(o: object): number {
  let id = identities.get(o);
  if (id === undefined) identities.set(o, (id = nextIdentity++));
  return id;
}
