/** Bad input: each throws at once, where the user wrote it, and says which operation, which operands, what it got and what would fit. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as fx from "fluxion";
import { createEngine, dim, type Engine, grad, tensor } from "fluxion";
import { addDims } from "../../core/dim.ts";

let engine: Engine;
let other: Engine;
beforeAll(async () => {
  engine = await createEngine({ label: "this engine" });
  other = await createEngine({ label: "the other engine" });
});
afterAll(async () => {
  await engine.dispose();
  await other.dispose();
});

const [a, b] = [tensor([[1, 2, 3]]).named("a"), tensor([1, 2]).named("b")];
const ints = tensor([1, 2, 3], { dtype: "int32" }).named("ints");
const flags = tensor([true, false]).named("flags");
const wrong = fx as unknown as Record<string, (...args: unknown[]) => unknown>;

/** What is done, and what the message must hold: operation, labels, what was got, what would fit. */
const cases: readonly (readonly [what: string, act: () => unknown, ...words: (string | RegExp)[]])[] = [
  ["shapes that do not broadcast", () => fx.add(a, b as never), "add", '"a"', '"b"', "[1, 3]", "[2]", /equal, or 1/],
  ["inner dimensions that differ", () => fx.matmul(a, b as never), "matmul", '"a"', '"b"', "3", "2"],
  ["a method's operand", () => a.mul(tensor([1, 2]) as never), "mul", '"a"', "[1, 3]", "[2]"],
  ["a reshape of another size", () => wrong.reshape!(a, [2, 2]), "reshape", '"a"', "3", "4"],
  ["two unknowns in a reshape", () => wrong.reshape!(a, [-1, -1]), "reshape", "-1"],
  ["an axis out of range", () => fx.sum(a, 5 as never), "sum", "5", /-2 to 1/],
  ["an axis given twice", () => fx.sum(a, [0, -2] as never), "sum", "twice"],
  ["an axis of a scalar", () => fx.sum(tensor(1), 0 as never), "sum", "scalar"],
  ["a permutation that is none", () => wrong.transpose!(a, [0, 0]), "transpose", "0"],
  ["a concatenation that does not fit", () => wrong.concatenate!([a, tensor([[1, 2]])], 0), "concatenate", "[1, 3]", "[1, 2]"],
  ["nothing to concatenate", () => wrong.concatenate!([]), "concatenate"],
  [
    "a dtype that is none",
    () => wrong.tensor!([1], { dtype: "float16" }),
    "float16",
    "float32, float64, complex64, complex128, int32, uint32 or bool",
  ],
  ["a logarithm of bits", () => fx.bitwiseAnd(a, 1), "and", '"a"', /integer dtype/],
  ["a fraction as an integer", () => tensor([1.5], { dtype: "int32" }), "1.5", "int32"],
  ["a negative of a bool condition's branch", () => wrong.where!(flags, "yes", 0), "where", "yes"],
  ["a string as an operand", () => wrong.add!(a, "2"), "add", "operand 2", "string"],
  ["a plain array as an operand", () => wrong.add!(a, [1, 2, 3]), "add", "tensor(...)"],
  ["einsum with too few operands", () => fx.einsum("ij,jk->ik", a), "einsum", "2", "1"],
  ["einsum with sizes that differ", () => fx.einsum("ij,j->i", a, b), "einsum", "j", "3", "2"],
  ["einsum with an unknown output", () => fx.einsum("ij->ik", a), "einsum", "k"],
  ["einsum with a bad character", () => fx.einsum("i1->i", a), "einsum", "1"],
  ["a norm of matrices as one of vectors", () => fx.norm(a, { ord: "nuc" as never }), "norm", '"nuc"', "matrixNorm"],
  [
    "options in the place of a number of powers",
    () => wrong.vander!(b, { increasing: true }),
    "vander",
    "number of powers",
    "options come after",
  ],
  [
    "a list of keys for a key",
    () => fx.vmap((k: never) => fx.random.normal(k, [2]))(fx.random.split(fx.random.key(0), 3) as never),
    "random.normal",
    "random.keys",
  ],
  ["a sort of complex numbers", () => fx.sort(fx.complex(b, b)), /^sort:/, "complex", "abs(z)"],
  ["a Hessian by integers", () => fx.hessian((x: fx.Tensor) => fx.sum(x))(ints), /^hessian:/, "int32", "astype"],
  ["an objective that is no scalar", () => fx.argmin((x: fx.Tensor) => x, b), /^argmin:/, "scalar", "[2]", /sum or mean/],
  ["a ragged array", () => tensor([[1, 2], [3]] as never), "ragged", "[2]", "[1]", "[1]"],
  ["null among numbers", () => tensor([1, null] as never), "null", "[1]"],
  ["data of another size than its shape", () => tensor(new Float32Array(5), { shape: [2, 3] }), "[2, 3]", "5"],
  ["a static index out of range", () => fx.take(a, [0, 3], 1), "take", '"a"', "3"],
  ["a static index out of range, negative", () => fx.take(a, -4, 1), "take", "-4"],
  ["a fraction as an index", () => fx.take(a, [0.5], 1), "take", "0.5"],
  ["a slice beyond the end", () => wrong.slice!(a, [0, 0], [1, 9]), "slice", '"a"', "9"],
  ["NaN as a size", () => fx.zeros([NaN, 2]), "NaN", "size"],
  ["a negative size", () => fx.zeros([-1]), "-1", "size"],
  ["a fraction as a size", () => fx.ones([2.5]), "2.5", "size"],
  ["NaN as a number of steps", () => fx.linspace(0, 1, NaN), "linspace", "NaN"],
  ["NaN as an axis", () => fx.sum(a, NaN as never), "sum", "NaN"],
  [
    "an expression as a source's dimension",
    () => engine.variable([1, 2], { shape: [addDims(dim("k"), 1)] as never }),
    "variable",
    "k+1",
    "sizes and names",
  ],
  ["an integer beyond its dtype", () => tensor([2 ** 31], { dtype: "int32" }), "2147483648", "range of int32"],
  ["a dimension's name that is none", () => dim("2n"), "dim", "2n"],
  ["a one-hot depth that is none", () => wrong.oneHot!(ints, NaN), "oneHot", "NaN"],
  [
    "an expression over two engines",
    () => fx.add(engine.variable(1, { label: "here" }), other.variable(2, { label: "there" })),
    "add",
    '"here"',
    '"there"',
    "this engine",
    "the other engine",
  ],
  ["a variable set to another shape", () => engine.variable([1, 2], { label: "v" }).set([1, 2, 3]), '"v"', "[2]", "[3]"],
  ["a variable set to a string", () => engine.variable(1, { label: "v" }).set("1" as never), '"v"', "string"],
  ["a variable set to ragged data", () => engine.variable([[1, 2]], { label: "v" }).set([[1], [1, 2]]), '"v"', "ragged"],
  [
    "a named dimension with two sizes",
    () => {
      engine.variable([1, 2], { shape: [dim("two")], label: "first" });
      engine.variable([1, 2, 3], { shape: [dim("two")], label: "second" });
    },
    '"two"',
    /2/,
    /3/,
    '"first"',
    '"second"',
  ],
  [
    "a named dimension that changes in one source of two",
    () => {
      const x = engine.variable([1, 2], { shape: [dim("both")], label: "x" });
      engine.variable([1, 2], { shape: [dim("both")], label: "y" });
      x.set([1, 2, 3]);
    },
    '"both"',
    '"x"',
    '"y"',
  ],
  [
    "a state without next",
    () => {
      engine.state(0, { label: "idle" });
      engine.tick();
    },
    '"idle"',
    "next",
  ],
  [
    "a state with two nexts",
    () => {
      const s = other.state(0, { label: "busy" });
      s.next = s.add(1);
      s.next = s.add(2);
    },
    '"busy"',
    "next",
    "already",
  ],
  [
    "a next of another shape",
    () => {
      const s = other.state([0, 0], { label: "pair" });
      s.next = fx.sum(s);
    },
    '"pair"',
    "[2]",
    "[]",
  ],
  [
    "differentiating by a node that is no leaf",
    () => {
      const x = engine.variable(1, { label: "x" });
      const y = x.mul(2).named("y");
      grad(y.mul(y), y);
    },
    "grad",
    '"y"',
    "probe",
    "bad-input.test.ts",
  ],
  [
    "a gradient of what is not a scalar",
    () => grad(engine.variable([1, 2]).mul(2), engine.variable(1)),
    "grad",
    "scalar",
    "[2]",
    "sum or mean",
  ],
  [
    "a primitive without a needed rule",
    () => {
      const mystery = fx.definePrimitive<object>({ name: "mystery", type: ([x]) => x!.outputs[0]! });
      const x = engine.variable(1);
      return grad(mystery([x], {}), x);
    },
    "mystery",
    "jvp",
    "derivative",
    "RuleSet",
  ],
  [
    "an expression over two engines, some way above their sources",
    () => fx.einsum("ij,jk->ik", engine.variable([[1]], { label: "here" }), other.variable([[2]], { label: "there" })),
    '"here"',
    '"there"',
    "this engine",
    "the other engine",
  ],
  [
    "a variable set to a Value",
    () => engine.variable(1, { label: "v" }).set(new fx.Value([], "float32", 0, Float32Array.of(1)) as never),
    '"v"',
    "a Value",
    "data",
  ],
  ["a variable set to a tensor", () => engine.variable([[1, 2, 3]], { label: "v" }).set(a as never), '"v"', "a Tensor"],
  ["parameters that are tensors", () => engine.parameters({ w: a } as never), "parameters", "w", "typed arrays"],
  ["a name where a size is meant", () => wrong.eye!("n"), "eye", '"n"', "named dimension"],
  ["nothing where a size is meant", () => wrong.arange!(), "arange", "undefined"],
  ["a number where a shape is meant", () => wrong.broadcastTo!(a, 3), "broadcastTo", "list of sizes", "3"],
  ["several numbers where a shape is meant", () => wrong.zeros!(2, 3), "zeros", "list of sizes", "2"],
  ["a new axis out of range", () => wrong.stack!([b, b], 5), "stack", "5", /-2 to 1/],
  ["a string as an axis", () => wrong.softmax!(a, "x"), "softmax", "axis", "string"],
  ["an axis as an object, where only axes fit", () => wrong.flip!(a, {}), "flip", "axis", "object"],
  ["a missing bound", () => wrong.clip!(a, 0), "clip", "operand 3", "undefined"],
  ["an index beyond all elements", () => fx.take(a, [9]), "take", '"a"', "9", /-3 to 2/],
  ["a transform of what is no function", () => (wrong.jacfwd!(3) as (x: unknown) => unknown)(b), "jacfwd", "function", "3"],
  ["a function that returns nothing", () => grad((() => undefined) as never)(tensor(1) as never), "grad", "result", "undefined"],
  ["a function that returns a promise", () => grad((async (x: unknown) => x) as never)(tensor(1) as never), "grad", "result", "Promise"],
  ["primals that are no array", () => wrong.hvp!(() => 0, b, b), "hvp", "array of f's arguments"],
  [
    "an axis of vmap that is undefined",
    () => (wrong.vmap!((x: unknown) => x, { inAxes: [0, undefined] }) as typeof fx.add)(b, b),
    "vmap",
    "null",
  ],
  ["arithmetic by operator", () => (a as unknown as number) * 2, '"a"', "x.mul(y)"],
];

it.each([
  ["a scheduler that is none", { flushOn: "tomorrow" }, /createEngine: flushOn must be .* RxJS scheduler, got "tomorrow"/],
  ["a backend that is none", { backend: "cpu" }, /createEngine: backend must be .* cpu\(\).*, got "cpu"/],
  ["animation frames where there are none", { flushOn: "animationFrame" }, /requestAnimationFrame/],
  ["a budget that is none", { budgetBytes: NaN }, /budgetBytes must be a positive number of bytes, got NaN/],
  ["a budget in words", { budgetBytes: "5" }, /budgetBytes must be a positive number of bytes, got "5"/],
  ["a cache that is none", { cache: 5 }, /cache must be an object such as .* got 5/],
  ["a cache's budget that is none", { cache: { budgetBytes: -1 } }, /cache.budgetBytes must be a number of bytes, at least 0, got -1/],
  [
    "an unknown option of the cache",
    { cache: { bytes: 1 } },
    /no option cache.bytes \(got 1\); the options of cache are budgetBytes, policy, cost, minBytes$/,
  ],
  ["a policy that is none", { cache: { policy: "lru" } }, /cache.policy must be a policy such as nextUse\(\), .* got "lru"/],
  ["a cost that is none", { cache: { cost: "time" } }, /cache.cost must be "flops" or a function of the work, got "time"/],
  [
    "a policy without room",
    { cache: { policy: { score: () => 0 }, budgetBytes: 0 } },
    /budgetBytes is 0, and the policy "without a name" has nothing/,
  ],
  ["fusion in words", { fusion: "no" }, /fusion must be true or false, got "no"/],
  ["a label that is none", { label: 5 }, /label must be a string, got 5/],
  ["threads in words", { threads: "2" }, /threads must be a number of threads, got "2"/],
  ["a worker that is none", { worker: 0 }, /worker must be true or false, got 0/],
  ["an unknown option", { thread: 2 }, /no option thread \(got 2\); the options are backend, .*threads, worker$/],
  ["an option that every object has", { toString: 2 }, /no option toString/],
  ["options that are none", 5, /options must be an object such as .*, got 5/],
])("createEngine refuses %s", (_, options, message) => expect(createEngine(options as never)).rejects.toThrow(message));

it("a tensor is text where text is wanted", () => {
  expect(`${a}`).toBe('Tensor(constant "a" float32[1, 3])');
});

describe("bad input throws at once", () => {
  it.each(cases.map(([what, act, ...words]) => [what, act, words] as const))("%s", (_, act, words) => {
    let thrown: unknown;
    try {
      act();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    const { message, stack } = thrown as Error;
    for (const word of words)
      expect(message).toMatch(typeof word === "string" ? new RegExp(word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : word);
    expect(stack, "the user's own line is on the stack").toContain("bad-input.test.ts");
  });
});
