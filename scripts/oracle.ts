/**
 * Derivatives against PyTorch's: `npm run oracle -- FILE` reads reference cases (JSON lines: an operation, its inputs, and
 * probes with PyTorch's JVP, VJP and HVP in float64) and compares. It prints one line an operation and exits with 1 on a
 * disagreement. Operations that fluxion does not have are counted, not skipped in silence.
 */
import { readFileSync } from "node:fs";
import * as fx from "../index.ts";
import type { Tensor } from "../core/tensor.ts";
import { jvp } from "../ad/jvp.ts";
import { vjp } from "../ad/vjp.ts";
import { constant } from "../core/leaves.ts";
import { evaluate, failed } from "../test/oracle/evaluate.ts";

interface Numbers {
  readonly data: readonly number[];
  readonly shape: readonly number[];
  readonly dtype: string;
}
type Named = Readonly<Record<string, Numbers>>;
interface Case {
  readonly case_id: string;
  readonly op: string;
  readonly op_args?: readonly unknown[] | null;
  readonly op_kwargs?: Readonly<Record<string, unknown>> | null;
  readonly inputs: Named;
  readonly observable: { readonly kind: string };
  readonly probes: readonly {
    readonly direction: Named;
    readonly cotangent: Named;
    readonly pytorch_ref: { readonly jvp: Named; readonly vjp: Named; readonly hvp?: Named };
  }[];
  readonly comparison: { readonly first_order: Tolerance; readonly second_order?: Tolerance };
}
interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

type Options = Readonly<Record<string, unknown>>;
type Operation = (inputs: readonly Tensor[], args: readonly unknown[], options: Options) => Tensor;

/** PyTorch's dim: absent, null and [] all mean every axis. */
const axes = (dim: unknown): number | number[] | undefined =>
  dim === undefined || dim === null || (Array.isArray(dim) && dim.length === 0) ? undefined : (dim as number);
const reduction =
  (f: (x: Tensor, options: object) => Tensor): Operation =>
  ([x], args, o) =>
    f(x!, {
      ...(axes(o.dim ?? args[0]) !== undefined && x!.rank > 0 && { axis: axes(o.dim ?? args[0]) }),
      keepdims: (o.keepdim ?? args[1] ?? false) && x!.rank > 0,
    });
const spread =
  (f: (x: Tensor, options: object) => Tensor): Operation =>
  ([x], args, o) => {
    const unbiased = o.unbiased ?? (typeof args[0] === "boolean" ? args[0] : true);
    const correction = "correction" in o ? o.correction : unbiased ? 1 : 0;
    return f(x!, { ...(axes(o.dim) !== undefined && { axis: axes(o.dim) }), keepdims: o.keepdim ?? false, correction });
  };
const direct =
  (f: (...xs: Tensor[]) => Tensor): Operation =>
  (inputs) =>
    f(...inputs);

const available = fx as unknown as Readonly<Record<string, ((...args: unknown[]) => Tensor) | undefined>>;
const reductions: Readonly<Record<string, string>> = { amax: "max", amin: "min", mean: "mean", sum: "sum", prod: "prod" };
const renamed: Readonly<Record<string, string>> = {
  true_divide: "div",
  div_no_rounding_mode: "div",
  __radd__: "add",
  max_binary: "maximum",
  min_binary: "minimum",
  clamp_min: "maximum",
  clamp_max: "minimum",
  nn_functional_relu: "relu",
  nn_functional_silu: "silu",
  __rmul__: "mul",
};
const flipped: Readonly<Record<string, string>> = { __rdiv__: "div", __rsub__: "sub", rsub: "sub", __rpow__: "pow", __rmod__: "rem" };

function operation(c: Case): Operation | undefined {
  if (c.observable.kind !== "identity") return undefined;
  if (c.op in reductions) return reduction(available[reductions[c.op]!] as never);
  if (["var", "std", "var_unbiased", "std_unbiased"].includes(c.op)) return spread(available[c.op.slice(0, 3)] as never);
  if (c.op === "diagonal") return ([x], _, o) => available.diag!(x, o.offset ?? 0);
  if (c.op === "norm" || c.op === "vector_norm") {
    const given = c.op_kwargs?.ord ?? c.op_kwargs?.p ?? c.op_args?.[0] ?? 2;
    // JSON has no number for Infinity: it may come as text.
    const ord = given === "fro" ? given : Number(given);
    const f = reduction((x, options) => available.norm!(x, { ...options, ord }));
    return (inputs, args, o) => f(inputs, args.slice(1), o);
  }
  if (c.op in flipped) return ([a, b]) => available[flipped[c.op]!]!(b!, a!);
  const f = available[renamed[c.op] ?? c.op];
  const extra = (c.op_args?.length ?? 0) + Object.keys(c.op_kwargs ?? {}).length;
  return f && extra === 0 ? direct(f as never) : undefined;
}

const tensorOf = (n: Numbers): Tensor => constant(Float64Array.from(n.data), { shape: n.shape });
const valuesOf = (tensors: readonly Tensor[]): (readonly number[])[] =>
  evaluate(tensors, () => undefined, new Map()).map((r) => {
    if (failed(r)) throw r.error;
    return Array.from(r.data);
  });

function disagreement(
  what: string,
  got: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  { rtol, atol }: Tolerance,
): string | undefined {
  for (let o = 0; o < expected.length; o++)
    for (let i = 0; i < expected[o]!.length; i++) {
      const [g, e] = [got[o]?.[i] ?? Number.NaN, expected[o]![i]!];
      if (!(Math.abs(g - e) <= atol + rtol * Math.abs(e))) return `${what}[${o}][${i}] is ${g}, PyTorch has ${e}`;
    }
  return undefined;
}

/** The first disagreement of a case, if any. */
function check(c: Case, op: Operation): string | undefined {
  const names = Object.keys(c.inputs);
  const inputs = names.map((n) => tensorOf(c.inputs[n]!));
  for (const probe of c.probes) {
    const varied = names.flatMap((n, i) => (n in probe.direction ? [i] : []));
    const f = (...xs: Tensor[]): Tensor =>
      op(
        inputs.map((x, i) => xs[varied.indexOf(i)] ?? x),
        c.op_args ?? [],
        c.op_kwargs ?? {},
      );
    const primals = varied.map((i) => inputs[i]!);
    const directions = varied.map((i) => tensorOf(probe.direction[names[i]!]!));
    const [cotangent] = Object.values(probe.cotangent).map(tensorOf);
    const pull = (...xs: Tensor[]): Tensor[] => vjp(f, xs)[1](cotangent) as unknown as Tensor[];
    const pushed = jvp(f, primals, directions)[1] as unknown as Tensor;
    const second = jvp(pull, primals, directions)[1] as unknown as Tensor[];
    const [tangent, ...rest] = valuesOf([pushed, ...pull(...primals), ...second]);
    const expected = (ref: Named): (readonly number[])[] => varied.map((i) => ref[names[i]!]!.data);
    const found =
      disagreement(
        "jvp",
        [tangent!],
        Object.values(probe.pytorch_ref.jvp).map((n) => n.data),
        c.comparison.first_order,
      ) ??
      disagreement("vjp", rest.slice(0, varied.length), expected(probe.pytorch_ref.vjp), c.comparison.first_order) ??
      (probe.pytorch_ref.hvp && c.comparison.second_order
        ? disagreement("hvp", rest.slice(varied.length), expected(probe.pytorch_ref.hvp), c.comparison.second_order)
        : undefined);
    if (found) return found;
  }
  return undefined;
}

const file = process.argv[2];
if (!file) {
  console.error("usage: npm run oracle -- FILE\n  FILE: reference derivatives, one JSON object a line");
  process.exit(2);
}
const tally = new Map<string, { agree: number; absent: number; wrong: string[] }>();
for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
  // Python writes Infinity where JSON has no word for it.
  const c = JSON.parse(line.replaceAll(/(?<=[[:,\s]-?)Infinity/g, "1e999")) as Case;
  const row = tally.get(c.op) ?? { agree: 0, absent: 0, wrong: [] };
  tally.set(c.op, row);
  const op = operation(c);
  if (!op) row.absent++;
  else
    try {
      const found = check(c, op);
      if (found) row.wrong.push(`${c.case_id}: ${found}`);
      else row.agree++;
    } catch (error) {
      row.wrong.push(`${c.case_id}: ${(error as Error).message}`);
    }
}
const rows = [...tally];
for (const [op, { agree, absent, wrong }] of rows)
  console.log(
    `${op.padEnd(32)} ${agree} agree${absent ? `, ${absent} not available` : ""}${wrong.length ? `, ${wrong.length} WRONG` : ""}${wrong.map((w) => `\n    ${w}`).join("")}`,
  );
const total = (pick: (r: (typeof rows)[number][1]) => number): number => rows.reduce((n, [, r]) => n + pick(r), 0);
console.log(`${total((r) => r.agree)} agree, ${total((r) => r.wrong.length)} wrong, ${total((r) => r.absent)} not available`);
if (total((r) => r.wrong.length) > 0) process.exitCode = 1;
