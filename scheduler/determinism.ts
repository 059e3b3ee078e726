/**
 * Determinism, verified: a function gives the same bits under every setting that must not matter: backend, threads, fusion, and
 * cache, and the plans for a change of any one argument or of all.
 */
import { type Data, isComplexNumber } from "../core/data.ts";
import type { DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";
import { Tensor } from "../core/tensor.ts";
import { flatten, type Tree } from "../core/tree.ts";
import { Value } from "../core/value.ts";
import { sameBits } from "./bits.ts";
import type { Engine } from "./engine.ts";

/** An engine to run under, and what to call it in messages. */
export interface Setting {
  readonly name: string;
  /** undefined where there can be none here. */
  readonly make: () => Promise<Engine | undefined>;
}

interface Argument {
  readonly data: Data;
  readonly shape?: Shape;
  readonly dtype?: DType;
}

const argument = (x: unknown): Argument => (x instanceof Value ? { data: x.data, shape: x.shape, dtype: x.dtype } : { data: x as Data });

/**
 * Applies f to variables that hold the arguments, on an engine of each setting, and compares what comes out with the first setting's, bit by
 * bit. Then, on each engine, every argument changes and comes back, alone and together: the bits must come back too. How many values were
 * compared, and the settings that there are here; rejects with the setting, the output and the element that differ first.
 */
export async function verifyDeterminismWith(
  settings: readonly Setting[],
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
): Promise<{ readonly values: number; readonly settings: readonly string[] }> {
  const given = args.map(argument);
  let expected: readonly Value[] | undefined;
  let values = 0;
  const done: string[] = [];
  for (const { name, make } of settings) {
    const engine = await make();
    if (!engine) continue;
    done.push(name);
    try {
      const sources = given.map(({ data, ...options }) => engine.variable(data, options));
      const out = flatten<Tensor>(f(...sources) as Tree<Tensor>);
      for (const t of out.leaves)
        if (!(t instanceof Tensor)) throw new Error(`verifyDeterminism: the function must return tensors, got ${String(t)}`);
      const subscription = engine.observe(out.leaves).subscribe();
      const compare = async (when: string): Promise<void> => {
        const got = (await engine.read(out.leaves)) as unknown as readonly Value[];
        expected ??= got;
        got.forEach((v, i) => differ(v, expected![i]!, `${name}, ${when}`, out.paths[i] || `output ${i}`));
        values += got.reduce((n, v) => n + v.data.length, 0);
      };
      await compare("computed from scratch");
      const everything = sources.map((_, i) => i);
      for (const changed of [...everything.map((i) => [i]), everything]) {
        for (const i of changed) sources[i]!.set(other(given[i]!.data));
        await engine.read(out.leaves);
        for (const i of changed) sources[i]!.set(given[i]!.data);
        await compare(`after a change of ${changed.length === 1 ? `argument ${changed[0]}` : "all arguments"}`);
      }
      subscription.unsubscribe();
    } finally {
      await engine.dispose();
    }
  }
  return { values, settings: done };
}

/** Other numbers of the same shape. */
function other(data: Data): Data {
  if (typeof data === "number") return data + 1;
  if (typeof data === "boolean") return !data;
  if (isComplexNumber(data)) return { re: data.re + 1, im: data.im };
  return Array.from(data as ArrayLike<Data>, other as (x: Data) => never) as unknown as Data;
}

function differ(got: Value, expected: Value, when: string, where: string): void {
  if (got.shape.join() === expected.shape.join() && sameBits(got.data, expected.data)) return;
  const at = got.data.findIndex((v, i) => !Object.is(v, expected.data[i]));
  throw new Error(`verifyDeterminism: ${where} differs under ${when}: element ${at} is ${got.data[at]}, and was ${expected.data[at]}`);
}
