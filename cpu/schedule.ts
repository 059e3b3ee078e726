/**
 * From an expression DAG to straight-line code: in which loop each expression is computed, in which order, and until
 * when its result is needed.
 *
 * An expression belongs to the outermost level on which all that it depends on is known. What only the seldom taken
 * side of a `rare` needs is computed in a block of its own, which is skipped when no lane takes it.
 */
import type { Expr } from "../kernel/expr.ts";

/** Where in the loop nest code is placed: outside of all loops, once a row, once a group of lanes, or at each step of the innermost loop. */
export const Level = { entry: 0, row: 1, group: 2, element: 3 } as const;
export type Level = (typeof Level)[keyof typeof Level];

/** One computation of one expression. An expression that two separate blocks need has two instructions. */
export interface Instruction {
  readonly expr: Expr;
  readonly args: readonly Instruction[];
  /** rare: what computes its second argument alone. */
  readonly block: readonly Instruction[];
  /** The instruction after which the result is not used any more; undefined for results that outlive their level. */
  lastUse: Instruction | undefined;
}

interface Scope {
  readonly parent: Scope | undefined;
  readonly computed: Map<Expr, Instruction>;
}

function lookup(scope: Scope | undefined, e: Expr): Instruction | undefined {
  for (let s = scope; s; s = s.parent) {
    const found = s.computed.get(e);
    if (found) return found;
  }
  return undefined;
}

const isBlockArgument = (e: Expr, i: number): boolean => e.op === "rare" && i === 1;

/** What `roots` need in this scope, whatever the rare conditions are. */
function neededBy(roots: readonly Expr[], scope: Scope | undefined): Set<Expr> {
  const needed = new Set<Expr>();
  const stack = roots.filter((e) => !lookup(scope, e));
  for (let e = stack.pop(); e; e = stack.pop()) {
    if (needed.has(e)) continue;
    needed.add(e);
    e.args.forEach((a, i) => {
      if (!isBlockArgument(e, i) && !needed.has(a) && !lookup(scope, a)) stack.push(a);
    });
  }
  return needed;
}

/** The members of `needed` that the skippable argument of a rare is made of: they are computed before its block. */
function sharedWithBlock(argument: Expr, needed: ReadonlySet<Expr>, scope: Scope | undefined): Expr[] {
  const shared: Expr[] = [];
  const seen = new Set<Expr>([argument]);
  const stack = [argument];
  for (let e = stack.pop(); e; e = stack.pop()) {
    if (lookup(scope, e)) continue;
    if (needed.has(e)) {
      shared.push(e);
      continue;
    }
    for (const a of e.args) if (!seen.has(a)) (seen.add(a), stack.push(a));
  }
  return shared;
}

function scheduleScope(roots: readonly Expr[], parent: Scope | undefined): { list: Instruction[]; scope: Scope } {
  const scope: Scope = { parent, computed: new Map() };
  const needed = neededBy(roots, parent);
  const list: Instruction[] = [];
  const before = (e: Expr): readonly Expr[] =>
    e.op === "rare" ? [e.args[0]!, e.args[2]!, ...sharedWithBlock(e.args[1]!, needed, scope)] : e.args;
  const started = new Set<Expr>();
  const stack: { e: Expr; inputs: readonly Expr[]; next: number }[] = [];
  const start = (e: Expr): void => {
    if (!needed.has(e) || started.has(e)) return;
    started.add(e);
    stack.push({ e, inputs: before(e), next: 0 });
  };
  for (const root of roots) {
    start(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.inputs.length) {
        start(top.inputs[top.next++]!);
        continue;
      }
      stack.pop();
      const { e } = top;
      const block = e.op === "rare" ? scheduleScope([e.args[1]!], scope) : undefined;
      const args = e.args.map((a, i) => lookup(isBlockArgument(e, i) ? block!.scope : scope, a)!);
      const made: Instruction = { expr: e, args, block: block?.list ?? [], lastUse: undefined };
      scope.computed.set(e, made);
      list.push(made);
    }
  }
  return { list, scope };
}

/** Sets `lastUse` of what is computed and used up within a list. */
function markLastUses(list: readonly Instruction[], outlive: ReadonlySet<Instruction>): void {
  const own = new Set<Instruction>();
  const visit = (instructions: readonly Instruction[]): void => {
    for (const i of instructions) {
      own.add(i);
      visit(i.block);
      for (const a of i.args) if (own.has(a) && !outlive.has(a)) a.lastUse = i;
    }
  };
  visit(list);
}

export interface Schedule {
  /** The instructions of each level. */
  readonly levels: readonly (readonly Instruction[])[];
  /** What computes each value. */
  readonly values: readonly Instruction[];
}

/** `levelOfLeaf` tells on which level an expression's own value (not its arguments') becomes known. */
export function schedule(values: readonly Expr[], order: readonly Expr[], levelOfLeaf: (e: Expr) => Level): Schedule {
  const level = new Map<Expr, Level>();
  for (const e of order)
    level.set(
      e,
      e.args.reduce<Level>((l, a) => (level.get(a)! > l ? level.get(a)! : l), levelOfLeaf(e)),
    );
  const needed = neededBy(values, undefined);
  const levels: Instruction[][] = [];
  const roots = [Level.entry, Level.row, Level.group].map((l) => {
    const out = new Set(values.filter((v) => level.get(v) === l));
    for (const e of needed) if (level.get(e)! > l) e.args.forEach((a, i) => !isBlockArgument(e, i) && level.get(a) === l && out.add(a));
    return [...out];
  });
  roots.push([...values]);
  // A level sees what earlier ones computed for it, and not their intermediate results, whose locals are reused.
  let visible: Scope | undefined;
  const outlive = new Set<Instruction>();
  for (const r of roots) {
    const { list, scope } = scheduleScope(r, visible);
    levels.push(list);
    visible = { parent: visible, computed: new Map(r.map((e) => [e, lookup(scope, e)!])) };
    for (const made of visible.computed.values()) outlive.add(made);
  }
  for (const list of levels) markLastUses(list, outlive);
  return { levels, values: values.map((v) => lookup(visible, v)!) };
}
