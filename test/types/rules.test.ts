import { expect, test } from "vitest";
import { compile } from "./compile.ts";

// The rules of shapes in types against NumPy's, written out below on plain lists, over seeded random shapes. A dimension
// here is a size or a name; a rule answers with a shape, or undefined where the operands do not fit.
type Dim = number | string;
type Shape = Dim[];

let seed = 12345;
const random = (below: number): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
};
const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
const sizes: readonly Dim[] = [1, 2, 3, 5, 12, "n", "m"];
const shape = (rank = random(5)): Shape => Array.from({ length: rank }, () => pick(sizes));
/** A shape that fits the last axes of s, give or take. */
const near = (s: Shape): Shape => s.slice(random(s.length + 1)).map((d) => (random(4) === 0 ? 1 : random(8) === 0 ? pick(sizes) : d));

function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const out: Shape = [];
  for (let i = 0; i < rank; i++) {
    const [p, q] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    if (p !== q && p !== 1 && q !== 1) return undefined;
    out.push(p === 1 ? q : p);
  }
  return out;
}

function matmul(a: Shape, b: Shape): Shape | undefined {
  if (a.length === 0 || b.length === 0) return undefined;
  const [left, right] = [a.length === 1 ? [1, ...a] : a, b.length === 1 ? [...b, 1] : b];
  if (left.at(-1) !== right.at(-2)) return undefined;
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2));
  return batch && [...batch, ...(a.length === 1 ? [] : [left.at(-2)!]), ...(b.length === 1 ? [] : [right.at(-1)!])];
}

const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const showType = (s: Shape): string => `[${s.map((d) => JSON.stringify(d)).join(", ")}]`;
const tensors = (...shapes: Shape[]): string => shapes.map((s) => `Tensor<${showType(s)}>`).join(", ");

interface Case {
  readonly rule: string;
  readonly expected: Shape | undefined;
}

const families: Record<string, () => Case> = {
  broadcast() {
    const a = shape();
    const [x, y] = random(2) ? [a, near(a)] : [near(a), a];
    return { rule: `BroadcastShapes<${showType(x)}, ${showType(y)}>`, expected: broadcast(x, y) };
  },
  elementwise() {
    const { rule, expected } = families.broadcast!();
    const [a, b] = rule.match(/\[[^\]]*\]/g)!;
    return expected
      ? { rule: `Broadcast<Tensor<${a}>, Tensor<${b}>>`, expected }
      : { rule: `Broadcastable<Tensor<${a}>, Tensor<${b}>>`, expected };
  },
  matmul() {
    const a = shape();
    const b = shape();
    if (a.length > 0 && b.length > 0 && random(5) > 0) b[Math.max(0, b.length - 2)] = a.at(-1)!;
    if (random(3) > 0) b.splice(0, Math.max(0, b.length - 2), ...near(a.slice(0, -2)));
    return { rule: `Matmul<${showType(a)}, ${showType(b)}>`, expected: matmul(a, b) };
  },
  reduce() {
    const s = shape(1 + random(5));
    const axes = [...new Set(Array.from({ length: random(3) }, () => random(s.length)))];
    const keep = random(2) === 1;
    const all = random(5) === 0;
    const written = axes.map((i) => (random(2) ? i : i - s.length));
    const gone = (i: number): boolean => all || axes.includes(i);
    return {
      rule: `Reduce<${showType(s)}, ${all ? "undefined" : written.length === 1 ? written[0] : `[${written.join(", ")}]`}, ${keep}>`,
      expected: keep ? s.map((d, i) => (gone(i) ? 1 : d)) : s.filter((_, i) => !gone(i)),
    };
  },
  permute() {
    const s = shape(random(6));
    const order = s.map((_, i) => i);
    for (let i = order.length - 1; i > 0; i--) {
      const j = random(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    if (random(5) === 0) order.push(0);
    const valid = order.length === s.length;
    return {
      rule: `Permute<${showType(s)}, [${order.map((i) => (random(2) && valid ? i - s.length : i)).join(", ")}]>`,
      expected: valid ? order.map((i) => s[i]!) : undefined,
    };
  },
  reverse() {
    const s = shape();
    return { rule: `Reverse<${showType(s)}>`, expected: [...s].reverse() };
  },
  insert() {
    const s = shape();
    const axis = random(2 * s.length + 2) - s.length - 1;
    return { rule: `Insert<${showType(s)}, ${axis}, 7>`, expected: s.toSpliced(fromFront(axis, s.length + 1), 0, 7) };
  },
  squeeze() {
    const s = shape(1 + random(4));
    const axis = random(2 * s.length) - s.length;
    if (random(3) === 0) return { rule: `Squeeze<${showType(s)}, undefined>`, expected: s.filter((d) => d !== 1) };
    const at = fromFront(axis, s.length);
    return { rule: `Squeeze<${showType(s)}, ${axis}>`, expected: s[at] === 1 ? s.toSpliced(at, 1) : undefined };
  },
  reshape() {
    const numbers = shape().filter((d) => typeof d === "number");
    const product = numbers.reduce((p, d) => p * d, 1);
    const target: number[] = [];
    let rest = product;
    while (rest > 1 && random(4) > 0) {
      const divisor = pick([1, 2, 3, 4, 6, rest].filter((d) => rest % d === 0));
      target.push(divisor);
      rest /= divisor;
    }
    target.push(rest);
    if (random(4) === 0) target[random(target.length)]! += 1;
    const fits = target.reduce((p, d) => p * d, 1) === product;
    return {
      rule: `Reshape<${showType(["n", ...numbers])}, ${showType(["n", ...target])}>`,
      expected: fits ? ["n", ...target] : undefined,
    };
  },
  stack() {
    const s = shape();
    const others = Array.from({ length: random(4) }, () => (random(6) ? s : near(s)));
    const axis = random(2 * s.length + 2) - s.length - 1;
    const same = others.every((o) => o.length === s.length && o.every((d, i) => d === s[i]));
    return {
      rule: `Stack<[${tensors(s, ...others)}], ${axis}>`,
      expected: same ? s.toSpliced(fromFront(axis, s.length + 1), 0, others.length + 1) : undefined,
    };
  },
  concatenate() {
    const s = shape(1 + random(3));
    const axis = random(2 * s.length) - s.length;
    const at = fromFront(axis, s.length);
    const parts = Array.from({ length: 1 + random(3) }, () =>
      s.with(at, random(12)).map((d, i) => (i !== at && random(12) === 0 ? pick(sizes) : d)),
    );
    const same = parts.every((p) => p.every((d, i) => i === at || d === parts[0]![i]));
    const total = parts.reduce((sum, p) => sum + (p[at] as number), 0);
    return { rule: `Concatenate<[${tensors(...parts)}], ${axis}>`, expected: same ? parts[0]!.with(at, total) : undefined };
  },
  arithmetic() {
    const [a, b] = [random(10 ** (1 + random(6))), random(10 ** (1 + random(6)))];
    return random(2) ? { rule: `[Sum<${a}, ${b}>]`, expected: [a + b] } : { rule: `[Times<${a}, ${b}>]`, expected: [a * b] };
  },
};

const header = [
  'import type { Tensor } from "../../core/tensor.ts";',
  'import type { Sum, Times } from "../../core/types/arithmetic.ts";',
  'import type { Insert, Permute, Reduce, Reverse, Squeeze } from "../../core/types/axes.ts";',
  'import type { Broadcast, Broadcastable, BroadcastShapes } from "../../core/types/broadcast.ts";',
  'import type { Concatenate, Stack } from "../../core/types/join.ts";',
  'import type { Matmul } from "../../core/types/matmul.ts";',
  'import type { Reshape } from "../../core/types/reshape.ts";',
];

const declarations = [
  "type Is<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : { is: A; not: B };",
  "type Refused<A> = 0 extends 1 & A ? { accepted: A } : [A] extends [string] ? true : { accepted: A };",
  "type Covers<A, B> = [B] extends [A] ? true : { is: A; not: B };",
];

/** Judges lines of all families in one go: what the compiler says of each family's, each with its line. */
function judge(lines: Readonly<Record<string, readonly string[]>>): Map<string, string[]> {
  const text = [...header, ...declarations];
  const flat = Object.entries(lines).flatMap(([name, list]) => list.map((line) => ({ name, line })));
  const said = new Map(Object.keys(lines).map((name) => [name, [] as string[]]));
  for (const { line, message } of compile([...text, ...flat.map((l) => l.line)].join("\n"))) {
    const at = flat[line - text.length - 1];
    said.get(at?.name ?? "broadcast")!.push(`${at?.line ?? text[line - 1]}: ${message}`);
  }
  return said;
}

const exact = judge(
  Object.fromEntries(
    Object.entries(families).map(([name, make]) => [
      name,
      Array.from({ length: 150 }, make).map(
        ({ rule, expected }) => `(): ${expected ? `Is<${rule}, ${showType(expected)}>` : `Refused<${rule}>`} => true;`,
      ),
    ]),
  ),
);

test.each([...exact])("%s in types is NumPy's", (_, said) => {
  expect(said).toEqual([]);
});

/** The rule with some sizes forgotten. A size may become any or number, a name only any. */
const forget = (rule: string): string =>
  rule.replace(/(?<=[[ ])(\d+|"[nm]")(?=[\],])/g, (d) => (random(3) ? d : d.startsWith('"') || random(2) ? "any" : "number"));

const covering = judge(
  Object.fromEntries(
    Object.entries(families)
      .filter(([name]) => name !== "arithmetic")
      .map(([name, make]) => {
        const lines = Array.from({ length: 400 }, make).flatMap(({ rule, expected }) =>
          expected ? [`(): Covers<${forget(rule)}, ${showType(expected)}> => true;`] : [],
        );
        return [name, lines.filter((line) => /any|number/.test(line)).slice(0, 150)];
      }),
  ),
);

test.each([...covering])("%s of unknown sizes is what it would be of known ones, or unknown", (_, said) => {
  expect(said).toEqual([]);
});
