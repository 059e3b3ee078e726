/**
 * Random programs against an engine, and the comparison of two engines that run the same one: whatever is published, read or
 * refused must agree, to the bit.
 *
 * A program is plain data, which fast-check shrinks. Commands between two flushes run without a pause, so that both engines find
 * the same queue when they flush.
 */
import fc from "fast-check";
import { config, type Observable, type Subscription } from "rxjs";
import type { Data } from "../../core/data.ts";
import { dimNames, type DimSizes } from "../../core/dim.ts";
import type { DType } from "../../core/dtype.ts";
import { topological } from "../../core/graph.ts";
import { isStatic, sameShape, type Shape, sizeOf } from "../../core/shape.ts";
import { keepSites } from "../../core/site.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Value } from "../../core/value.ts";
import { OutOfMemory } from "../../kernel/backend.ts";
import { convert } from "../../ops/convert.ts";
import { sameBits } from "../oracle/evaluate.ts";
import { build, dtypes, type NodeSpec, nodeSpec, randomData, showSpec, sizesOf, sourceShapes } from "../oracle/random-graph.ts";
import { createReferenceEngine } from "../oracle/reference-engine.ts";
import { collectGarbage } from "../tooling/gc.ts";

// Hundreds of thousands of nodes, and no message that would say where they were made.
keepSites(0);

// ---- programs

interface SourceSpec {
  readonly shape: number;
  readonly dtype: number;
  readonly seed: number;
  /** A state of one of two clocks, with this node as its next; undefined for a variable. */
  readonly state: { readonly clock: 0 | 1; readonly next: number } | undefined;
}

interface Write {
  readonly source: number;
  readonly seed: number;
}

export type Command =
  | ({ readonly do: "set" } & Write)
  | { readonly do: "setAgain"; readonly source: number }
  | { readonly do: "misfit"; readonly source: number }
  | {
      readonly do: "resize";
      readonly name: "n" | "m";
      readonly size: number;
      readonly seed: number;
      readonly how: "all" | "but one" | "throw";
    }
  | {
      readonly do: "transaction";
      readonly writes: readonly Write[];
      readonly inner: readonly Write[];
      readonly fails: "never" | "inner" | "outer";
      readonly reads: boolean;
    }
  | { readonly do: "observe"; readonly nodes: readonly number[]; readonly action: Behaviour; readonly target: number }
  | { readonly do: "unobserve"; readonly index: number }
  | { readonly do: "read" | "readSync"; readonly nodes: readonly number[] }
  | { readonly do: "tick"; readonly clock: 0 | 1; readonly times: number }
  | { readonly do: "cutoff"; readonly node: number }
  | { readonly do: "flush" }
  /** So many flushes, a write before each, that what reads and ticks asked for is let go. */
  | { readonly do: "linger"; readonly source: number }
  | { readonly do: "drop"; readonly collect: boolean };

/** What an observer does when it is called, besides being recorded: the first two times only, so that chains end. */
type Behaviour = "nothing" | "throw" | "write" | "transaction" | "tick" | "leave" | "observe" | "read" | "readSync";

export interface Program {
  readonly sources: readonly SourceSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly commands: readonly Command[];
}

const small = fc.nat(40);
const write: fc.Arbitrary<Write> = fc.record({ source: small, seed: fc.nat(99) });
const clock = fc.constantFrom<(0 | 1)[]>(0, 1);
const observation = fc.record({
  do: fc.constant("observe" as const),
  nodes: fc.array(small, { minLength: 1, maxLength: 3 }),
  action: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Behaviour>("nothing") },
    { weight: 4, arbitrary: fc.constantFrom<Behaviour[]>("throw", "write", "transaction", "tick", "leave", "observe", "read", "readSync") },
  ),
  target: small,
});
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("set" as const), source: small, seed: fc.nat(99) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("setAgain" as const), source: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("misfit" as const), source: small }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("resize" as const),
      name: fc.constantFrom("n" as const, "m" as const),
      size: fc.nat(4),
      seed: fc.nat(99),
      how: fc.constantFrom("all" as const, "all" as const, "all" as const, "but one" as const, "throw" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("transaction" as const),
      writes: fc.array(write, { maxLength: 3 }),
      inner: fc.array(write, { maxLength: 2 }),
      fails: fc.constantFrom("never" as const, "inner" as const, "outer" as const),
      reads: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: observation },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unobserve" as const), index: small }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("read" as const, "read" as const, "readSync" as const),
      nodes: fc.array(small, { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("tick" as const), clock, times: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cutoff" as const), node: small }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("linger" as const), source: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), collect: fc.nat(19).map((k) => k === 0) }) },
);

export const programs: fc.Arbitrary<Program> = fc.record({
  sources: fc.array(
    fc.record({
      shape: fc.nat(sourceShapes.length - 1),
      dtype: fc.nat(dtypes.length - 1),
      seed: fc.nat(99),
      state: fc.option(fc.record({ clock, next: small }), { nil: undefined, freq: 3 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  nodes: fc.array(nodeSpec, { minLength: 2, maxLength: 18 }),
  commands: fc
    .tuple(fc.array(observation, { minLength: 1, maxLength: 3 }), fc.array(command, { minLength: 6, maxLength: 30 }))
    .map(([first, then]) => [...first, { do: "flush" as const }, ...then]),
});

// ---- engines

/** As much of an engine as programs use. */
export interface EngineUnderTest {
  readonly failures: Observable<{ readonly epoch: number; readonly error: unknown }>;
  variable(data: Data, options: { shape: Shape; dtype: DType; label: string }): Settable;
  state(data: Data, options: { shape: Shape; dtype: DType; label: string; clock: any }): Settable & { next: Tensor | undefined };
  clock(): { tick(times?: number): void };
  transaction<T>(callback: () => T): T;
  observe(tree: any, options?: any): Observable<any>;
  read(tree: any): Promise<any>;
  readSync(tree: any): any;
  cutoff(t: Tensor, cutoff?: any): unknown;
  flush(): Promise<unknown>;
  dispose(): Promise<unknown>;
  /** Throws when its structures do not agree with each other. */
  invariant?(): void;
}
type Settable = Tensor & { set(data: Data): void };

/** What an engine let be seen, in order. */
interface Seen {
  readonly kind: "emission" | "read";
  /** The number of the observer or of the read. */
  readonly who: number;
  /** Undefined for a read that was rejected. */
  readonly values: readonly Value[] | undefined;
}

/** One engine running one program. */
class Rig {
  readonly engine: EngineUnderTest;
  seen: Seen[] = [];
  /** The first failure that the engine reported. */
  failure: unknown;
  /** The last failure for want of memory: an engine with a budget may run out of it, and then differs rightly. */
  exhausted: OutOfMemory | undefined;
  /** Streams end with an error only when their engine dies. */
  death: unknown;
  readonly #program: Program;
  readonly #sources: Settable[] = [];
  /** What was last written to each source, at the sizes of then. */
  readonly #last: Data[] = [];
  readonly #clocks: { tick(times?: number): void }[];
  /** Sources first, then nodes; built when first asked for, and again after a drop. */
  #pool: Tensor[];
  readonly #subscriptions: Subscription[] = [];
  #observers = 0;
  #reads = 0;
  readonly #pending: Promise<void>[] = [];
  #sizes: DimSizes;

  constructor(engine: EngineUnderTest, program: Program, sizes: DimSizes) {
    this.engine = engine;
    this.#program = program;
    this.#sizes = sizes;
    engine.failures.subscribe(({ error }) => {
      if (error instanceof OutOfMemory) this.exhausted = error;
      else if (!(error instanceof Refused)) this.failure ??= error;
    });
    this.#clocks = [engine.clock(), engine.clock()];
    program.sources.forEach(({ shape, dtype, seed, state }, i) => {
      const options = { shape: sourceShapes[shape]!, dtype: dtypes[dtype]!, label: `s${i}` };
      const data = randomData(options.shape, options.dtype, sizes, seed);
      this.#last.push(data);
      this.#sources.push(state ? engine.state(data, { ...options, clock: this.#clocks[state.clock] }) : engine.variable(data, options));
    });
    this.#pool = [...this.#sources];
    program.sources.forEach(({ state }, i) => {
      if (!state) return;
      const source = this.#sources[i] as Settable & { next: Tensor };
      const fitting = this.pool.filter((t) => sameShape(t.shape, source.shape));
      source.next = convert(fitting[state.next % fitting.length]!, source.dtype);
    });
  }

  get pool(): readonly Tensor[] {
    const { nodes } = this.#program;
    for (let i = this.#pool.length - this.#sources.length; i < nodes.length; i++) this.#pool.push(build(nodes[i]!, this.#pool));
    return this.#pool;
  }

  #nodes(picks: readonly number[]): Tensor[] {
    return picks.map((k) => this.pool[this.pool.length - 1 - (k % this.pool.length)]!);
  }

  #set({ source, seed }: Write): void {
    const k = source % this.#sources.length;
    const target = this.#sources[k]!;
    const data = randomData(target.shape, target.dtype, this.#sizes, seed);
    target.set(data);
    this.#last[k] = data;
  }

  /** Runs a command. Whether it was accepted. */
  run(c: Command): boolean {
    try {
      this.#run(c);
      return true;
    } catch (error) {
      if (error instanceof Refused || (error instanceof Error && !/^(Type|Reference|Range)Error$/.test(error.name))) return false;
      throw error;
    }
  }

  #run(c: Command): void {
    switch (c.do) {
      case "set":
        return this.#set(c);
      case "setAgain": {
        const k = c.source % this.#sources.length;
        return this.#sources[k]!.set(this.#last[k]!);
      }
      case "misfit": {
        const target = this.#sources[c.source % this.#sources.length]!;
        const wrong = new Map([...this.#sizes].map(([name, size]) => [name, size + 1]));
        // A name that one source alone carries may change at any time, so both kinds are refused only where they must be.
        return isStatic(target.shape) ? target.set(new Float32Array((sizeOf(target.shape) as number) + 1)) : this.#resizeOne(target, wrong);
      }
      case "resize": {
        const sizes = new Map(this.#sizes).set(c.name, sizesOf[c.name]![c.size % sizesOf[c.name]!.length]!);
        const carriers = this.#sources.filter((s) => s.shape.some((d) => dimNames(d).includes(c.name)));
        const resized = c.how === "but one" ? carriers.slice(1) : carriers;
        this.engine.transaction(() => {
          resized.forEach((s, i) => s.set(randomData(s.shape, s.dtype, sizes, c.seed + i)));
          if (c.how === "throw") throw new Refused();
        });
        // Where all carriers but one would disagree with that one, the transaction has thrown.
        if (resized.length > 0) this.#sizes = sizes;
        resized.forEach((s, i) => (this.#last[this.#sources.indexOf(s)] = randomData(s.shape, s.dtype, sizes, c.seed + i)));
        return;
      }
      case "transaction":
        return this.engine.transaction(() => {
          c.writes.forEach((w) => this.#set(w));
          if (c.reads) this.#readSync(this.#nodes([0]));
          try {
            this.engine.transaction(() => {
              c.inner.forEach((w) => this.#set(w));
              if (c.fails === "inner") throw new Refused();
            });
          } catch (error) {
            if (!(error instanceof Refused)) throw error;
          }
          if (c.fails === "outer") throw new Refused();
        });
      case "observe":
        return this.#observe(this.#nodes(c.nodes), c.action, c.target);
      case "unobserve":
        if (this.#subscriptions.length > 0) this.#subscriptions[c.index % this.#subscriptions.length]!.unsubscribe();
        return;
      case "read":
        return this.#read(this.#nodes(c.nodes));
      case "readSync":
        return this.#readSync(this.#nodes(c.nodes));
      case "tick":
        return this.#clocks[c.clock]!.tick(c.times);
      case "cutoff":
        return void this.engine.cutoff(this.#nodes([c.node])[0]!, "exact");
      case "linger":
        return;
      case "drop":
        this.#pool = [...this.#sources];
        return;
      case "flush":
        return;
    }
  }

  /** Writes one source at other sizes, unless it is the only one that carries its names. */
  #resizeOne(target: Settable, sizes: DimSizes): void {
    const names = target.shape.flatMap(dimNames);
    const shared = names.every((name) => this.#sources.some((s) => s !== target && s.shape.some((d) => dimNames(d).includes(name))));
    if (shared) target.set(randomData(target.shape, target.dtype, sizes, 1));
  }

  #read(nodes: readonly Tensor[]): void {
    const who = this.#reads++;
    const record = (values: readonly Value[] | undefined): void => void this.seen.push({ kind: "read", who, values });
    this.#pending.push(this.engine.read(nodes).then(record, () => record(undefined)));
  }

  #readSync(nodes: readonly Tensor[]): void {
    const who = this.#reads++;
    let values: Value[] | undefined;
    try {
      values = this.engine.readSync(nodes);
    } catch {
      // Recorded as a read without values.
    }
    this.seen.push({ kind: "read", who, values });
  }

  #observe(nodes: readonly Tensor[], behaviour: Behaviour, target: number): void {
    const who = this.#observers++;
    const single = nodes.length === 1;
    const writable = this.#sources.map((_, i) => i).filter((i) => isStatic(this.#sources[i]!.shape));
    let calls = 0;
    const next = (v: any): void => {
      const values = single ? [v as Value] : [v.first as Value, ...(v.rest as Value[])];
      for (const value of values) value.data;
      this.seen.push({ kind: "emission", who, values });
      if (++calls > 2) return;
      const write = (k: number): void => {
        if (writable.length > 0) this.#set({ source: writable[(target + k) % writable.length]!, seed: target + calls });
      };
      switch (behaviour) {
        case "throw":
          throw new Refused();
        case "write":
          return write(0);
        case "transaction":
          return this.engine.transaction(() => (write(0), write(1)));
        case "tick":
          return this.#clocks[target % 2]!.tick();
        case "leave":
          return subscription.unsubscribe();
        case "observe":
          return this.#observe(this.#nodes([target]), "nothing", 0);
        case "read":
          return this.#read(this.#nodes([target]));
        case "readSync":
          return this.#readSync(this.#nodes([target]));
      }
    };
    const error = (reason: unknown): void => void (this.death = reason);
    const subscription = this.engine.observe(single ? nodes[0] : { first: nodes[0], rest: nodes.slice(1) }).subscribe({ next, error });
    this.#subscriptions.push(subscription);
  }

  async settle(): Promise<void> {
    await inTime("flush", this.engine.flush());
    await inTime("read", Promise.all(this.#pending.splice(0)));
    if (this.death) throw new Error("the engine died", { cause: this.death });
  }
}

/** A promise that must not stay open. */
async function inTime(what: string, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${what}: never settled`)), 2000)));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

/** What programs throw themselves. */
class Refused extends Error {
  override readonly name = "Refused";
}

// ---- comparison

const showValue = (v: Value): string =>
  `epoch ${v.epoch} ${v.dtype}[${v.shape}] ${[...v.data.slice(0, 12)].map((x) => (Object.is(x, -0) ? "-0" : x))}`;
const show = (s: Seen | undefined): string => (s ? `${s.kind} ${s.who}: ${s.values?.map(showValue).join(" | ") ?? "rejected"}` : "nothing");

const same = (a: Seen, b: Seen): boolean =>
  a.kind === b.kind &&
  a.who === b.who &&
  a.values?.length === b.values?.length &&
  (a.values ?? []).every((v, i) => v.epoch === b.values![i]!.epoch && sameBits(v, b.values![i]!));

/** Reads are answered in any order among themselves. */
const ordered = (seen: readonly Seen[]): Seen[] => [
  ...seen.filter((s) => s.kind !== "read"),
  ...seen.filter((s) => s.kind === "read").sort((a, b) => a.who - b.who),
];

function compare(expected: Rig, got: Rig, at: string): void {
  const [a, b] = [ordered(expected.seen), ordered(got.seen)];
  for (let i = 0; i < Math.max(a.length, b.length); i++)
    if (!a[i] || !b[i] || !same(a[i]!, b[i]!)) throw new Error(`${at}:\n  expected ${show(a[i])}\n  got      ${show(b[i])}`);
  // Which failing nodes are reported, and how often, is the engine's affair; that something failed, or nothing, is not.
  if ((expected.failure === undefined) !== (got.failure === undefined))
    throw new Error(`${at}: failures: expected ${String(expected.failure)}, got ${String(got.failure)}`);
  expected.seen = [];
  got.seen = [];
}

const macrotask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Runs the program on the engine and on the reference engine. Throws at the first difference. */
export async function check(program: Program, createEngine: () => Promise<EngineUnderTest> | EngineUnderTest): Promise<void> {
  const unhandled = config.onUnhandledError;
  config.onUnhandledError = (error) => {
    if (!(error instanceof Refused)) throw error;
  };
  const sizes = new Map([
    ["n", 3],
    ["m", 2],
  ]);
  const expected = new Rig(createReferenceEngine() as unknown as EngineUnderTest, program, sizes);
  const got = new Rig(await createEngine(), program, sizes);
  try {
    const run = (c: Command, at: string): void => {
      const accepted = expected.run(c);
      if (got.run(c) !== accepted)
        throw new Error(`${at}: ${accepted ? "refused" : "accepted"}, should be ${accepted ? "accepted" : "refused"}`);
    };
    const settle = async (at: string): Promise<void> => {
      await Promise.all([expected.settle(), got.settle()]);
      got.engine.invariant?.();
      if (got.exhausted) throw got.exhausted;
      compare(expected, got, at);
    };
    let k = 0;
    for (const c of [...program.commands, { do: "flush" } as const]) {
      const at = `command ${k++} (${c.do})`;
      run(c, at);
      if (c.do === "flush" || c.do === "drop") await settle(at);
      if (c.do === "drop" && c.collect) await collectGarbage();
      if (c.do === "linger")
        for (let seed = 0; seed < 10; seed++) {
          run({ do: "set", source: c.source, seed }, at);
          await settle(at);
        }
    }
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
  } finally {
    await got.engine.dispose();
    await expected.engine.dispose();
    // Errors of observers are reported in a macrotask.
    if (program.commands.some((c) => c.do === "observe" && c.action === "throw")) await macrotask();
    config.onUnhandledError = unhandled;
  }
}

/** Checks random programs. Throws with the first that disagrees, shrunk and written out. */
export async function checkMany(
  sequences: number,
  seed: number,
  createEngine: () => Promise<EngineUnderTest>,
  among: fc.Arbitrary<Program> = programs,
): Promise<void> {
  const property = fc.asyncProperty(among, (program) => check(program, createEngine));
  const { failed, counterexample, errorInstance, numShrinks } = await fc.check(property, { numRuns: sequences, seed });
  if (!failed) return;
  const { cause } = errorInstance as Error;
  throw new Error(
    `seed ${seed}, shrunk ${numShrinks} times: ${String(errorInstance)} ${cause === undefined ? "" : String(cause)}\n${explain(counterexample![0])}`,
  );
}

/** The program as a person reads it: its sources, its graph with types, and its commands. */
function explain(program: Program): string {
  const engine = createReferenceEngine();
  const sizes = new Map([
    ["n", 3],
    ["m", 2],
  ]);
  const rig = new Rig(engine as unknown as EngineUnderTest, program, sizes);
  const lines: string[] = [];
  const names = new Map<Tensor, string>();
  const order = topological(rig.pool);
  for (const t of order) {
    names.set(t, t.label ?? `t${names.size}`);
    lines.push(
      `  ${names.get(t)} = ${t.primitive.name}(${t.inputs.map((x) => names.get(x)).join(", ")}) ${t.dtype}[${t.shape}] ${t.inputs.length > 0 ? JSON.stringify(t.params) : ""}`,
    );
  }
  lines.push(
    `  pool, last first: ${[...rig.pool]
      .reverse()
      .map((t) => names.get(t))
      .join(" ")}`,
  );
  program.sources.forEach((s, i) =>
    lines.push(
      `  s${i}: ${s.state ? `state of clock ${s.state.clock}, next ${names.get((rig.pool[i] as unknown as { next: Tensor }).next) ?? "?"}` : "variable"}, seed ${s.seed}`,
    ),
  );
  program.nodes.forEach((spec, i) => lines.push(`  node ${i}: ${showSpec(spec)}`));
  program.commands.forEach((c, i) => lines.push(`  ${i}: ${JSON.stringify(c)}`));
  return lines.join("\n");
}
