/**
 * Einstein summation: products of tensors with named axes, summed over the names that the result lacks. Operands are
 * contracted pair by pair, from left to right, each pair as one batched matrix product.
 */
import { type Dim, sameDim } from "../core/dim.ts";
import { sizeOf } from "../core/shape.ts";
import type { Tensor } from "../core/tensor.ts";
import { mul } from "./arithmetic.ts";
import { broadcastInDim, reduceSum } from "./broadcast.ts";
import { showArgument } from "./describe.ts";
import { diagonalOf } from "./diagonal.ts";
import { batchedMatmul, factors } from "./matmul.ts";
import type { Operand } from "./operand.ts";
import { reshape } from "./reshape.ts";
import { permute } from "./transpose.ts";

/** A tensor whose axes have names, all different. */
interface Term {
  readonly t: Tensor;
  readonly names: readonly string[];
}

interface Subscripts {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/**
 * einsum("ij,jk->ik", a, b). Without "->", the result has the names that occur once, in alphabetical order. A name that
 * occurs twice in one operand takes its diagonal. "..." stands for leading axes, which broadcast.
 */
export function einsum(subscripts: string, ...operands: readonly Operand[]): Tensor {
  if (typeof subscripts !== "string")
    throw new Error(`einsum: the first argument is the subscripts, as in "ij,jk->ik", got ${showArgument(subscripts)}`);
  if (operands.length === 0) throw new Error(`einsum "${subscripts}": needs at least one operand`);
  const tensors = factors(`einsum "${subscripts}"`, operands);
  const { inputs, output } = parse(subscripts, tensors);
  const sizes = sizesOf(subscripts, inputs, tensors);
  for (const name of output)
    if (!sizes.has(name)) throw new Error(`einsum "${subscripts}": the result's "${name}" is in none of the operands`);
  const terms = tensors.map((t, k) => diagonals(withoutOnes(t, inputs[k]!, sizes)));

  let product: Term = terms[0]!;
  for (let k = 1; k < terms.length; k++) {
    const later = new Set([...output, ...terms.slice(k + 1).flatMap((term) => term.names)]);
    product = contract(
      reduceTo(product, (n) => later.has(n) || terms[k]!.names.includes(n)),
      reduceTo(terms[k]!, (n) => later.has(n) || product.names.includes(n)),
      later,
    );
  }
  return arrange(
    reduceTo(product, (n) => output.includes(n)),
    output,
    sizes,
  );
}

// ---- subscripts
function parse(subscripts: string, tensors: readonly Tensor[]): Subscripts {
  const fail = (what: string): never => {
    throw new Error(`einsum "${subscripts}": ${what}`);
  };
  const text = subscripts.replaceAll(" ", "");
  const [left, right, ...more] = text.split("->");
  if (more.length > 0) fail('"->" may occur once');
  const parts = left!.split(",");
  if (parts.length !== tensors.length) fail(`${parts.length} subscripts for ${tensors.length} operands`);
  const letters = (part: string): string[] => {
    const wrong = part.replace("...", "").match(/[^A-Za-z]/);
    if (wrong) fail(`"${wrong[0]}" is not the name of an axis; use letters, and "..." at most once`);
    return [...part.replace("...", "")];
  };
  const leading = parts.map((part, k) => {
    const count = tensors[k]!.rank - letters(part).length;
    if (part.includes("...") ? count < 0 : count !== 0) fail(`"${part}" names ${letters(part).length} axes of ${tensors[k]!.describe()}`);
    return count;
  });
  // The axes of an ellipsis are named by their distance from its end: they broadcast from the right.
  const ellipsis = (count: number): string[] => Array.from({ length: count }, (_, i) => `...${count - 1 - i}`);
  const expand = (part: string, count: number): string[] => {
    const [before, after] = part.split("...") as [string, string | undefined];
    return [...before, ...(after === undefined ? [] : [...ellipsis(count), ...after])];
  };
  const inputs = parts.map((part, k) => expand(part, leading[k]!));
  const widest = Math.max(0, ...leading);
  if (right !== undefined) {
    const output = letters(right);
    const twice = output.find((name, i) => output.indexOf(name) !== i);
    if (twice) fail(`the result names "${twice}" twice`);
    if (widest > 0 && !right.includes("...")) fail('the result lacks the "..." of the operands');
    return { inputs, output: expand(right, widest) };
  }
  const all = parts.flatMap(letters);
  const once = all.filter((name) => all.indexOf(name) === all.lastIndexOf(name)).sort();
  return { inputs, output: [...ellipsis(widest), ...once] };
}

/** The size of each name. Sizes of 1 broadcast under an ellipsis only. */
function sizesOf(subscripts: string, inputs: readonly (readonly string[])[], tensors: readonly Tensor[]): Map<string, Dim> {
  const sizes = new Map<string, Dim>();
  inputs.forEach((names, k) =>
    names.forEach((name, axis) => {
      const [known, size] = [sizes.get(name), tensors[k]!.shape[axis]!];
      const broadcasts = name.startsWith("...");
      if (known === undefined || (broadcasts && sameDim(known, 1))) sizes.set(name, size);
      else if (!sameDim(known, size) && !(broadcasts && sameDim(size, 1)))
        throw new Error(
          `einsum "${subscripts}": "${broadcasts ? "..." : name}" has size ${known}, but size ${size} in ${tensors[k]!.describe()}`,
        );
    }),
  );
  return sizes;
}

// ---- terms
/** The axes that broadcast here, which have size 1 and are longer elsewhere, taken off. */
function withoutOnes(t: Tensor, names: readonly string[], sizes: ReadonlyMap<string, Dim>): Term {
  const kept = names.flatMap((name, i) => (name.startsWith("...") && sameDim(t.shape[i]!, 1) && !sameDim(sizes.get(name)!, 1) ? [] : [i]));
  return {
    t: reshape(
      t,
      kept.map((i) => t.shape[i]!),
    ),
    names: kept.map((i) => names[i]!),
  };
}

/** Each name that occurs twice becomes one axis, along the diagonal. */
function diagonals({ t, names }: Term): Term {
  const second = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (second < 0) return { t, names };
  const first = names.indexOf(names[second]!);
  const rest = names.map((_, i) => i).filter((i) => i !== first && i !== second);
  return diagonals({ t: diagonalOf([permute(t, [...rest, first, second])], {}), names: [...rest.map((i) => names[i]!), names[second]!] });
}

/** Sums over the names that are not kept. */
function reduceTo({ t, names }: Term, keep: (name: string) => boolean): Term {
  const axes = names.flatMap((name, i) => (keep(name) ? [] : [i]));
  return axes.length === 0 ? { t, names } : { t: reduceSum([t], { axes }), names: names.filter(keep) };
}

/** The axes in the order of `names`; one that the term lacks is repeated. */
function arrange(term: Term, names: readonly string[], sizes: ReadonlyMap<string, Dim>): Tensor {
  const order = names.filter((name) => term.names.includes(name));
  const t = permute(
    term.t,
    order.map((name) => term.names.indexOf(name)),
  );
  if (order.length === names.length) return t;
  return broadcastInDim([t], { shape: names.map((name) => sizes.get(name)!), axes: order.map((name) => names.indexOf(name)) });
}

/** The product of two terms, summed over the names that both have and nobody needs later. */
function contract(a: Term, b: Term, later: ReadonlySet<string>): Term {
  const shared = a.names.filter((name) => b.names.includes(name));
  const summed = shared.filter((name) => !later.has(name));
  const batch = shared.filter((name) => later.has(name));
  const left = a.names.filter((name) => !shared.includes(name));
  const right = b.names.filter((name) => !shared.includes(name));
  const sizes = new Map<string, Dim>([
    ...a.names.map((n, i) => [n, a.t.shape[i]!] as const),
    ...b.names.map((n, i) => [n, b.t.shape[i]!] as const),
  ]);
  const size = (names: readonly string[]): Dim => sizeOf(names.map((n) => sizes.get(n)!));
  if (summed.length === 0 || (left.length === 0 && right.length === 0)) {
    // No matrix in it: a product element by element, which fuses with the sum over it.
    const names = [...batch, ...left, ...right, ...summed];
    return reduceTo({ t: mul(arrange(a, names, sizes), arrange(b, names, sizes)), names }, (n) => !summed.includes(n));
  }
  const x = reshape(arrange(a, [...batch, ...left, ...summed], sizes), [size(batch), size(left), size(summed)]);
  const y = reshape(arrange(b, [...batch, ...summed, ...right], sizes), [size(batch), size(summed), size(right)]);
  const names = [...batch, ...left, ...right];
  return {
    t: reshape(
      batchedMatmul([x, y], {}),
      names.map((n) => sizes.get(n)!),
    ),
    names,
  };
}
