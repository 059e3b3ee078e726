/**
 * What an engine's two halves say to each other: plain data that survives structured cloning. Tensors go by their ids on the side of the user,
 * primitives by their names, named dimensions by their polynomials, errors by name, message and stack.
 */
import { addDims, type Dim, dim, mulDims, SymbolicDim } from "../core/dim.ts";
import type { DType, TypedArray } from "../core/dtype.ts";
import { Tensor } from "../core/tensor.ts";
import { OutOfMemory } from "../kernel/backend.ts";
import type { Rule } from "../scheduler/cutoff.ts";
import type { Explanation } from "../scheduler/explain.ts";
import type { Write } from "../scheduler/intake.ts";
import type { EngineOptions } from "../scheduler/options.ts";
import type { ObserveOptions } from "../scheduler/publish.ts";
import type { EngineStats } from "../scheduler/stats.ts";
import type { CacheMessage } from "./cache.ts";

/** What an engine is made of over there. */
export interface RemoteOptions extends Omit<EngineOptions, "backend" | "flushOn" | "cache"> {
  readonly cache?: CacheMessage;
}

/** A node that applies a primitive. */
export interface NodeMessage {
  readonly kind: "node";
  readonly id: number;
  readonly primitive: string;
  readonly params: Encoded;
  readonly inputs: readonly number[];
  readonly stands: StandIn | undefined;
  readonly label: string | undefined;
  readonly tags: readonly string[];
  /** Where it was made; only while somebody watches, for the text is slow to come by. */
  readonly site: string | undefined;
}

/** What stands for a primitive that only the user's program has. */
export interface StandIn {
  /** How many inputs, the first, are the values of the outputs: those of a composition of operations. A node of any other has no value there. */
  readonly values: number | undefined;
  /** The types of the outputs. */
  readonly outputs: Encoded;
}

/** A variable, or a state of a clock, with the value that it has before any write. */
export interface SourceMessage {
  readonly kind: "source";
  readonly id: number;
  readonly clock: number | undefined;
  readonly shape: Encoded;
  readonly dtype: DType;
  readonly label: string | undefined;
  readonly write: Write;
}

export interface EntryMessage {
  readonly writes: readonly (readonly [source: number, write: Write])[];
  readonly clock: number | undefined;
  readonly ticks: number;
}

/** Nodes that were not there yet, inputs before users. */
export type Cargo = readonly (NodeMessage | SourceMessage)[];

/** One flush. Nothing else is asked for until it has been answered. */
export interface Step {
  readonly kind: "step";
  readonly cargo: Cargo;
  readonly nexts: readonly (readonly [state: number, next: number])[];
  readonly cutoffs: readonly (readonly [id: number, rule: Rule])[];
  readonly closed: readonly number[];
  readonly watch: WatchMessage | undefined;
  readonly leaving: readonly number[];
  readonly joining: readonly { readonly id: number; readonly roots: readonly number[]; readonly options: ObserveOptions }[];
  readonly entries: readonly EntryMessage[];
  readonly reads: readonly (readonly number[])[];
  /** Nodes that nobody holds any more on the side of the user. */
  readonly released: readonly number[];
}

export interface WatchMessage {
  readonly nan: boolean;
  readonly sites: readonly (readonly [id: number, site: string])[];
}

/** A question about the graph as it was after the last step. */
export interface Question {
  readonly kind: "question";
  readonly id: number;
  readonly ask: "explain" | "toDot";
  readonly cargo: Cargo;
  readonly roots: readonly number[];
}

export type Request = { readonly kind: "create"; readonly options: RemoteOptions } | Step | Question;

/** The numbers of one tensor. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly epoch: number;
  readonly data: TypedArray;
}

/** What happened during a step, in order. */
export type Event =
  | { readonly kind: "values"; readonly to: number; readonly epoch: number; readonly values: readonly Numbers[] }
  | { readonly kind: "error"; readonly to: number; readonly epoch: number; readonly error: Thrown }
  | { readonly kind: "failure"; readonly tensor: number | undefined; readonly epoch: number; readonly error: Thrown };

/** What was asked for, or why there is none. */
export type Answered<T> = { readonly is: T } | { readonly error: Thrown };

export interface StepAnswer {
  readonly kind: "stepped";
  readonly events: readonly Event[];
  readonly reads: readonly Answered<readonly Numbers[]>[];
  readonly stats: EngineStats;
  /** Why the engine cannot go on. */
  readonly died: Thrown | undefined;
}

export interface ExplanationMessage extends Pick<Explanation, "state" | "nodes" | "dims"> {
  readonly causes: readonly { source: number; path: readonly number[]; recomputes: number; cutoff: number | undefined }[];
  readonly troubles: readonly { tensor: number; message: string }[];
  readonly text: string;
}

export type Answer =
  | { readonly kind: "ready"; readonly stats: EngineStats }
  | { readonly kind: "refused"; readonly error: Thrown }
  | StepAnswer
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answered<ExplanationMessage | string> };

// ---- parameters

/** Parameters without objects of classes: dimensions as { $dim: terms }, nodes as { $node: id }. */
export type Encoded = unknown;

export function encode(v: unknown): Encoded {
  if (v instanceof SymbolicDim) return { $dim: [...v.terms] };
  if (v instanceof Tensor) return { $node: v.id };
  if (Array.isArray(v)) return v.map(encode);
  if (typeof v !== "object" || v === null || ArrayBuffer.isView(v)) return v;
  return Object.fromEntries(Object.entries(v).map(([key, value]) => [key, encode(value)]));
}

/** `node`: the node here of an id. */
export function decode<T>(v: Encoded, node?: (id: number) => Tensor): T;
export function decode(v: Encoded, node?: (id: number) => Tensor): unknown {
  if (Array.isArray(v)) return v.map((x) => decode(x, node));
  if (typeof v !== "object" || v === null || ArrayBuffer.isView(v)) return v;
  if ("$dim" in v) return dimOf(v.$dim as readonly [string, number][]);
  if ("$node" in v) return node!(v.$node as number);
  return Object.fromEntries(Object.entries(v).map(([key, value]) => [key, decode(value, node)]));
}

/** The dimension that a polynomial is here: dimensions are interned. */
const dimOf = (terms: readonly (readonly [monomial: string, coefficient: number])[]): Dim =>
  terms.reduce<Dim>((total, [monomial, coefficient]) => {
    const names: Dim[] = monomial === "" ? [] : monomial.split("*").map(dim);
    return addDims(total, names.reduce(mulDims, coefficient));
  }, 0);

// ---- errors

export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: Thrown | undefined;
}

export function encodeError(error: unknown): Thrown {
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  return { name, message, stack, cause: cause === undefined ? undefined : encodeError(cause) };
}

export function decodeError({ name, message, stack, cause }: Thrown): Error {
  const error = name === "OutOfMemory" ? new OutOfMemory(message) : new Error(message);
  if (error.name !== name) Object.assign(error, { name });
  if (stack !== undefined) error.stack = stack;
  if (cause) error.cause = decodeError(cause);
  return error;
}

/** Why a primitive has no value in a worker. */
export const unknownThere = (name: string): string =>
  `${name}: this primitive has a kernel of its own, which the worker that computes does not have; define it with eval, a composition of operations, or use an engine without \`worker\``;
