/**
 * Derivatives against PyTorch's: `npm run oracle -- FILE [--json]` reads reference cases (JSON lines: an operation, its inputs, and
 * probes with PyTorch's JVP, VJP and HVP) and compares. A line for each disagreement gives operation, case, probe, which derivative and the greatest
 * error; then come operations that are not supported, with the reason, and a count for each operation. `--json` prints
 * {"pass","fail","unsupported":{operation:count}} instead of the counts. Exits with 1 on a disagreement.
 */
import { readFileSync } from "node:fs";
import { jvp } from "../ad/jvp.ts";
import { vjp } from "../ad/vjp.ts";
import { complexDType, isComplex } from "../core/dtype.ts";
import { constant } from "../core/leaves.ts";
import type { Tensor } from "../core/tensor.ts";
import { takeAlongAxis } from "../ops/indexing.ts";
import { broadcastTo } from "../ops/operand.ts";
import { slice } from "../ops/pad.ts";
import { expandDims } from "../ops/reshape.ts";
import {
  type Case,
  caseOf,
  complexNumberOf,
  dtypeOf,
  type Named,
  type Numbers,
  tensorOf,
  type Tolerance,
  valuesOf,
  wordsOf,
} from "./oracle-cases.ts";
import { Unsupported } from "./oracle-kinds.ts";
import { observables } from "./oracle-linear-algebra.ts";
import { operations } from "./oracle-operations.ts";

const show = (number: readonly number[]): string => (number.length > 1 ? `(${number.join(", ")})` : String(number[0]));

/** The greatest difference beyond the tolerance, in words. */
function disagreement(
  what: string,
  got: readonly (readonly number[])[],
  expected: readonly Numbers[],
  { rtol, atol }: Tolerance,
): string | undefined {
  let worst = { excess: 1, text: "" };
  expected.forEach((numbers, o) => {
    const data = wordsOf(numbers);
    const each = isComplex(dtypeOf(numbers.dtype)) ? 2 : 1;
    if (got[o]?.length !== data.length)
      worst = { excess: Infinity, text: `${what}[${o}] has ${got[o]?.length} elements, PyTorch has ${data.length}` };
    for (let i = 0; i < data.length; i += each) {
      const [e, g] = [data, got[o] ?? []].map((list) => list.slice(i, i + each));
      // Complex numbers differ by the size of their difference.
      const error = e!.every((v, k) => v === g![k] || Object.is(v, g![k])) ? 0 : Math.hypot(...e!.map((v, k) => (g![k] ?? NaN) - v));
      const excess = Number.isNaN(error) ? Infinity : error / (atol + rtol * Math.hypot(...e!));
      if (excess > worst.excess)
        worst = { excess, text: `${what}[${o}][${i / each}] is ${show(g!)}, PyTorch has ${show(e!)}: off by ${error}` };
    }
  });
  return worst.text || undefined;
}

/** The part of an output that is compared: singular vectors are perhaps as many as the values. */
function firstOf(y: Tensor | undefined, shape: readonly number[]): Tensor {
  if (!y) throw new Unsupported("not all outputs are there");
  const smaller = y.rank === shape.length && shape.some((d, i) => d < (y.shape[i] as number));
  return smaller
    ? slice(
        y,
        shape.map(() => 0),
        shape,
      )
    : y;
}

/**
 * Eigenvalues of matrices without symmetry have no order, and each program has its own. Which of ours is which of PyTorch's their tangents tell: for each
 * of PyTorch's the place of ours, [..., n].
 */
function placesOf(ours: readonly number[], { shape, ...theirs }: Numbers): Tensor {
  const [n, words] = [shape.at(-1)!, wordsOf({ shape, ...theirs })];
  const places = new Int32Array(ours.length / 2);
  for (let first = 0; first < places.length; first += n) {
    const free = new Set(Array.from({ length: n }, (_, i) => i));
    for (let j = first; j < first + n; j++) {
      const distance = (i: number): number =>
        Math.hypot(ours[2 * (first + i)]! - words[2 * j]!, ours[2 * (first + i) + 1]! - words[2 * j + 1]!);
      const [nearest] = [...free].sort((a, b) => distance(a) - distance(b));
      free.delete(nearest!);
      places[j] = nearest!;
    }
  }
  return constant(places, { shape, dtype: "int32" });
}
/** Values [..., n], or vectors as columns [..., n, n], in another order. */
const inOrder = (y: Tensor, places: Tensor): Tensor =>
  takeAlongAxis(y, broadcastTo(y.rank > places.rank ? expandDims(places, -2) : places, y.shape as never), -1);

/** Disagreements of a case. Throws Unsupported, with the reason, for what cannot be compared. */
function check(c: Case): string[] {
  const { kind } = c.observable;
  const op = kind === "identity" ? operations[c.op] : observables[kind];
  if ((c.expected_behavior ?? "success") !== "success") throw new Unsupported("PyTorch refuses it");
  if (!op) throw new Unsupported(kind === "identity" ? "no such operation" : `observable ${kind}`);
  const names = Object.keys(c.inputs);
  const inputs = names.map((n) => tensorOf(c.inputs[n]!));
  const argumentOf = (v: unknown): unknown => {
    const z = complexNumberOf(v);
    return z ? constant(z, { dtype: complexDType(inputs[0]!.dtype) }) : v;
  };
  const args = (c.op_args ?? []).map(argumentOf);
  const options = Object.fromEntries(Object.entries(c.op_kwargs ?? {}).map(([name, v]) => [name, argumentOf(v)]));
  return c.probes.flatMap((probe, p) => {
    const varied = names.flatMap((n, i) => (n in probe.direction ? [i] : []));
    const wanted = Object.entries(probe.cotangent);
    const own = (...xs: Tensor[]): Tensor[] => {
      const given = inputs.map((x, i) => xs[varied.indexOf(i)] ?? x);
      const named = names.map((n, i) => [n, given[i]!] as const);
      const isPositional = (n: string): boolean => n.length === 1;
      const y = op(
        named.flatMap(([n, x]) => (isPositional(n) ? [x] : [])),
        args,
        {
          ...options,
          ...Object.fromEntries(named.filter(([n]) => !isPositional(n))),
        },
      );
      const all = Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor];
      // Of an operation with several outputs those that have derivatives are there by number.
      return wanted.map(([n, { shape }], k) => firstOf(all[/^output_\d+$/.test(n) ? Number(n.slice(7)) : k], shape));
    };
    const primals = varied.map((i) => inputs[i]!);
    const directions = varied.map((i) => tensorOf(probe.direction[names[i]!]!));
    const cotangents = wanted.map(([, ct]) => tensorOf(ct));
    const [values] = Object.values(probe.pytorch_ref.jvp);
    const places = /^eig(vals)?$/.test(c.op) && placesOf(valuesOf([jvp(own, primals, directions)[1][0] as Tensor])[0]!, values!);
    const f = (...xs: Tensor[]): Tensor[] => own(...xs).map((y) => (places ? inOrder(y, places) : y));
    const pull = (...xs: Tensor[]): Tensor[] => vjp(f, xs)[1](cotangents) as unknown as Tensor[];
    const pushed = jvp(f, primals, directions)[1] as unknown as Tensor[];
    const { jvp: tangents, vjp: pulled, hvp } = probe.pytorch_ref;
    const second = hvp && c.comparison.second_order ? (jvp(pull, primals, directions)[1] as unknown as Tensor[]) : [];
    const all = valuesOf([...pushed, ...pull(...primals), ...second]);
    const byInput = (ref: Named): Numbers[] => varied.map((i) => ref[names[i]!]!);
    const [n, m] = [pushed.length, varied.length];
    return [
      disagreement("jvp", all.slice(0, n), Object.values(tangents), c.comparison.first_order),
      disagreement("vjp", all.slice(n, n + m), byInput(pulled), c.comparison.first_order),
      second.length > 0 ? disagreement("hvp", all.slice(n + m), byInput(hvp!), c.comparison.second_order!) : undefined,
    ].flatMap((found) => (found ? [`${c.op} ${c.case_id} probe ${p}: ${found}`] : []));
  });
}

const file = process.argv[2];
const json = process.argv.includes("--json");
if (!file || file.startsWith("--")) {
  console.error("usage: npm run oracle -- FILE [--json]\n  FILE: reference derivatives, one JSON object a line");
  process.exit(2);
}
interface Row {
  pass: number;
  fail: number;
  readonly unsupported: Map<string, number>;
}
const rows = new Map<string, Row>();
for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
  const c = caseOf(line);
  const row = rows.get(c.op) ?? { pass: 0, fail: 0, unsupported: new Map<string, number>() };
  rows.set(c.op, row);
  try {
    const found = check(c);
    for (const text of found) console.log(text);
    if (found.length > 0) row.fail++;
    else row.pass++;
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof Unsupported) row.unsupported.set(message, (row.unsupported.get(message) ?? 0) + 1);
    else {
      console.log(`${c.op} ${c.case_id}: ${message}`);
      row.fail++;
    }
  }
}
const list = [...rows];
const unsupportedOf = ({ unsupported }: Row): number => [...unsupported.values()].reduce((a, b) => a + b, 0);
const total = (pick: (row: Row) => number): number => list.reduce((n, [, row]) => n + pick(row), 0);
const [pass, fail, absent] = [total((r) => r.pass), total((r) => r.fail), total(unsupportedOf)];
if (json) {
  const unsupported = Object.fromEntries(list.filter(([, r]) => r.unsupported.size > 0).map(([op, r]) => [op, unsupportedOf(r)]));
  console.log(JSON.stringify({ pass, fail, unsupported }));
} else {
  for (const [op, row] of list) {
    const missing = [...row.unsupported].map(([why, n]) => `, ${n} not supported (${why})`).join("");
    console.log(`${op.padEnd(40)} ${row.pass} agree${row.fail ? `, ${row.fail} WRONG` : ""}${missing}`);
  }
  console.log(`${pass} agree, ${fail} wrong, ${absent} not supported`);
}
if (fail > 0) process.exitCode = 1;
