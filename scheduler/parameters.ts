/**
 * Parameters: one immutable tree of numbers and arrays, and a variable for each leaf. A recipe changes the tree, as in immer; the leaves that
 * came out different are set in one transaction. Undo and redo go back and forth over recipes.
 */
import { applyPatches, enablePatches, freeze, type Patch, produceWithPatches } from "immer";
import { type Observable, Subject } from "rxjs";
import { type Complex, type Data, isComplexNumber } from "../core/data.ts";
import type { TypedArray } from "../core/dtype.ts";
import type { Variable } from "../core/source.ts";
import { flatten, type Tree } from "../core/tree.ts";
import { guarded } from "./observable.ts";

type Numbers = number | boolean | Complex | TypedArray | readonly NumberArray[];
type NumberArray = number | boolean | Complex | readonly NumberArray[];
export type ParameterTree = Numbers | readonly ParameterTree[] | { readonly [key: string]: ParameterTree };

/** A tree with a variable for each number, typed array, or array of numbers. */
export type VariablesOf<T> = T extends number | boolean | Complex | TypedArray | readonly NumberArray[]
  ? Variable
  : { readonly [K in keyof T]: VariablesOf<T[K]> };

/** What a recipe may do with the tree. */
type Draft<T> = T extends number
  ? number
  : T extends boolean
    ? boolean
    : T extends TypedArray
      ? T
      : { -readonly [K in keyof T]: Draft<T[K]> };

interface Host {
  variable(data: Data, label: string): Variable;
  transaction(callback: () => void): void;
  /** Registers how to go back if the transaction that is open fails. */
  onRollback(undo: () => void): void;
  /** Takes what listeners throw. */
  report(error: unknown): void;
}

interface Change {
  readonly patches: readonly Patch[];
  readonly inverse: readonly Patch[];
}

/** Complex numbers { re, im } and arrays of numbers are leaves, however nested; other arrays are lists of parameters. */
const isLeaf = (x: unknown): boolean =>
  isComplexNumber(x) || (Array.isArray(x) && x.length > 0 && x.every((v) => typeof v === "number" || typeof v === "boolean" || isLeaf(v)));

export class Parameters<T> {
  /** The variables, in a tree like the value. */
  readonly tensors: VariablesOf<T>;
  /** The patches of each change, undo and redo included, after it was enqueued. */
  readonly changes: Observable<readonly Patch[]>;
  readonly #changes = new Subject<readonly Patch[]>();
  readonly #host: Host;
  readonly #variables: readonly Variable[];
  readonly #paths: readonly string[];
  #value: T;
  #done: readonly Change[] = [];
  #undone: readonly Change[] = [];

  /** @internal Made by `engine.parameters`. */
  constructor(tree: T, host: Host) {
    enablePatches();
    this.#host = host;
    this.changes = guarded(this.#changes, (error) => host.report(error));
    const { leaves, paths, rebuild } = leavesOf(tree);
    this.#paths = paths;
    this.#variables = leaves.map((data, i) => {
      if (
        typeof data !== "number" &&
        typeof data !== "boolean" &&
        !ArrayBuffer.isView(data) &&
        !Array.isArray(data) &&
        !isComplexNumber(data)
      )
        throw new Error(
          `parameters: ${paths[i] || "the value"} is ${data === null ? "null" : typeof data}; use numbers, complex numbers { re, im }, typed arrays and arrays of numbers`,
        );
      return host.variable(data, paths[i] || "parameters");
    });
    this.#value = freeze(structuredClone(tree), true);
    this.tensors = rebuild(this.#variables) as VariablesOf<T>;
  }

  /** The tree as it was last set. Immutable: changed by recipes only. */
  get value(): T {
    return this.#value;
  }

  /** Applies a recipe to a draft of the tree, and sets the leaves that changed. Its structure must stay. Replace typed arrays, do not fill them. */
  update(recipe: (draft: Draft<T>) => void): void {
    const [value, patches, inverse] = produceWithPatches(this.#value, recipe as (draft: unknown) => void);
    if (patches.length === 0) return;
    this.#set(value as T, [...this.#done, { patches, inverse }], [], patches);
  }

  /** Takes the last recipe back. Whether there was one. */
  undo(): boolean {
    const last = this.#done.at(-1);
    if (!last) return false;
    const value = applyPatches(this.#value as object, last.inverse) as T;
    this.#set(value, this.#done.slice(0, -1), [...this.#undone, last], last.inverse);
    return true;
  }

  /** Applies again what was last taken back. Whether there was anything. */
  redo(): boolean {
    const next = this.#undone.at(-1);
    if (!next) return false;
    const value = applyPatches(this.#value as object, next.patches) as T;
    this.#set(value, [...this.#done, next], this.#undone.slice(0, -1), next.patches);
    return true;
  }

  #set(value: T, done: readonly Change[], undone: readonly Change[], patches: readonly Patch[]): void {
    const before = leavesOf(this.#value).leaves;
    const { leaves, paths } = leavesOf(value);
    const moved = paths.length !== this.#paths.length || paths.findIndex((p, i) => p !== this.#paths[i]) >= 0;
    if (moved)
      throw new Error(
        `parameters: a recipe may change numbers, not the structure: it was {${this.#paths.join(", ")}}, and is {${paths.join(", ")}}`,
      );
    const old = { value: this.#value, done: this.#done, undone: this.#undone };
    const restore = (): void => {
      this.#value = old.value;
      this.#done = old.done;
      this.#undone = old.undone;
    };
    this.#host.transaction(() => {
      leaves.forEach((data, i) => data !== before[i] && this.#variables[i]!.set(data));
      this.#host.onRollback(restore);
      this.#value = value;
      this.#done = done;
      this.#undone = undone;
    });
    this.#changes.next(patches);
  }
}

const leavesOf = (tree: unknown): ReturnType<typeof flatten<Data>> => flatten<Data>(tree as Tree<Data>, isLeaf);
