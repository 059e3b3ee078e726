/** The types that users see of engines: what goes in, and what comes out; and the checks of what goes in. */
import { animationFrameScheduler, type SchedulerLike } from "rxjs";
import type { DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import type { MapTree } from "../core/tree.ts";
import type { Value } from "../core/value.ts";
import type { Backend } from "../kernel/backend.ts";
import { showArgument } from "../ops/describe.ts";
import type { Clock } from "./clock.ts";
import type { CachePolicy } from "./eviction/policy.ts";
import { type CacheOptions, withCacheOptions } from "./eviction/settings.ts";

export interface EngineOptions {
  /** What runs the kernels. The engine takes it over, and disposes of it. */
  readonly backend: Backend;
  /**
   * The most bytes that values may take, in any case. Where that, or the backend, is not enough for all, what nobody asks for is computed again
   * whenever it is needed; what does not fit even then fails. Default: no limit but the backend's.
   */
  readonly budgetBytes?: number;
  /** What stays between flushes and inside plans, and what goes first: see CacheOptions. */
  readonly cache?: CacheOptions;
  /** When flushes run that nobody forces: "microtask" (default), "animationFrame", or when an RxJS scheduler says so. */
  readonly flushOn?: "microtask" | "animationFrame" | SchedulerLike;
  /** Whether kernels are fused (default). Without, every node has kernels and memory of its own; the bits are the same. */
  readonly fusion?: boolean;
  /**
   * How many threads work on large plans, the calling one included; the bits are the same. Of the default backend, which a page that is not
   * cross-origin isolated always runs on one; others have options of their own: cpu({ threads }). Default: the cores, at most 8.
   */
  readonly threads?: number;
  /** Names the engine in messages. */
  readonly label?: string;
}

export interface SourceOptions<S extends Shape = Shape> {
  readonly shape?: S;
  readonly dtype?: DType;
  readonly label?: string;
}

export interface StateOptions<S extends Shape = Shape> extends SourceOptions<S> {
  /** The clock that advances it; the engine's own when left out. */
  readonly clock?: Clock;
}

/** A tree of values, where a tree of tensors was asked for. */
export type ValuesOf<T> = MapTree<T, Tensor, Value>;

/** Something that went wrong and has no caller to throw to. */
export interface EngineFailure {
  readonly epoch: number;
  /** The node that failed first, what an observer that threw was looking at, or the source that was told of an error. */
  readonly tensor: Tensor | undefined;
  readonly error: unknown;
}

/** What a stream carries when failures are asked for. */
export type Emission<T> = { readonly epoch: number; readonly value: T } | { readonly epoch: number; readonly error: unknown };

/** The RxJS scheduler of an option; none for microtasks. Throws where there are no animation frames. */
export function schedulerFor(flushOn: NonNullable<EngineOptions["flushOn"]>): SchedulerLike | undefined {
  if (flushOn === "microtask") return undefined;
  if (flushOn !== "animationFrame") {
    if (typeof flushOn?.schedule === "function") return flushOn;
    throw new Error(`createEngine: flushOn must be "microtask", "animationFrame" or an RxJS scheduler, got ${showArgument(flushOn)}`);
  }
  if (typeof requestAnimationFrame === "undefined")
    throw new Error('createEngine: flushOn "animationFrame" needs requestAnimationFrame, which only pages have; use "microtask"');
  return animationFrameScheduler;
}

/** What an option must be, unless it is left out: a test, and in words. */
type Rule = readonly [fits: (x: unknown) => boolean, wanted: string];

const anything: Rule = [() => true, ""];
const flag: Rule = [(x) => typeof x === "boolean", "true or false"];
/** In the order in which messages list them. `backend`, `flushOn` and how many `threads` there may be are checked by whoever knows what fits. */
const rules: Readonly<Record<string, Rule>> = {
  backend: anything,
  budgetBytes: [(x) => typeof x === "number" && x > 0, "a positive number of bytes"],
  cache: [(x) => typeof x === "object" && x !== null, "an object such as { budgetBytes: 0 }"],
  flushOn: anything,
  fusion: flag,
  label: [(x) => typeof x === "string", "a string"],
  threads: [(x) => typeof x === "number", "a number of threads"],
  worker: flag,
};
const cacheRules: Readonly<Record<string, Rule>> = {
  budgetBytes: [(x) => typeof x === "number" && x >= 0, "a number of bytes, at least 0"],
  policy: [isPolicy, "a policy such as nextUse(), that is, an object with a function score and perhaps a function plan"],
  cost: [(x) => x === "flops" || typeof x === "function", '"flops" or a function of the work'],
  minBytes: [(x) => typeof x === "number" && x >= 0, "a number of bytes, at least 0"],
};

function isPolicy(x: unknown): boolean {
  const { name, score, plan } = (x ?? {}) as { readonly [K in keyof CachePolicy]?: unknown };
  return typeof score === "function" && ["string", "undefined"].includes(typeof name) && ["function", "undefined"].includes(typeof plan);
}

/** Options of the cache, as they are. Throws where one is unknown or does not fit. */
export function checkCacheOptions(op: string, options: CacheOptions): CacheOptions {
  check(op, options, "cache", cacheRules);
  return options;
}

/** The options of an engine, in a worker or not, as they are. Throws where one is unknown or does not fit. */
export function checkOptions<O extends object>(options: O): O {
  if (typeof options !== "object" || options === null)
    throw new Error(`createEngine: options must be an object such as { threads: 2 }, got ${showArgument(options)}`);
  check("createEngine", options, undefined, rules);
  const { cache, flushOn } = options as Partial<EngineOptions>;
  if (cache !== undefined) withCacheOptions(checkCacheOptions("createEngine", cache));
  if (flushOn !== undefined) schedulerFor(flushOn);
  return options;
}

function check(op: string, options: object, parent: string | undefined, known: Readonly<Record<string, Rule>>): void {
  for (const [key, x] of Object.entries(options)) {
    const name = parent ? `${parent}.${key}` : key;
    if (!Object.hasOwn(known, key)) {
      const all = `the options${parent ? ` of ${parent}` : ""} are ${Object.keys(known).join(", ")}`;
      throw new Error(`${op}: there is no option ${name} (got ${showArgument(x)}); ${all}`);
    }
    const [fits, wanted] = known[key]!;
    if (x !== undefined && !fits(x)) throw new Error(`${op}: ${name} must be ${wanted}, got ${showArgument(x)}`);
  }
}
