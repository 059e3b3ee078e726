/** Formulas against JavaScript's own reading of them, and what they say of mistakes. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEngine, tensor, type Tensor } from "../../index.ts";
import { type FormulaValue, pde, symbols } from "../../pinn/formula.ts";

const template = (text: string, ...values: FormulaValue[]) =>
  pde(Object.assign(text.split("@"), { raw: [] }) as unknown as TemplateStringsArray, ...values);
const numbers: Readonly<Record<string, number>> = { u: 1.25, u_x: -0.75, u_xx: 2.5, t: 0.5, x: -1.5 };

let engine: Awaited<ReturnType<typeof createEngine>>;
beforeAll(async () => void (engine = await createEngine({ threads: 1 })));
afterAll(() => engine.dispose());
const named = (name: string): Tensor => tensor(numbers[name]!, { dtype: "float64" });
const valueOf = async (r: Tensor | number): Promise<number> => (typeof r === "number" ? r : (await engine.read(r)).item());

/** A random expression as a formula and as JavaScript, with no more parentheses than needed in the one, and all of them in the other. */
type Text = { readonly formula: string; readonly script: string; readonly level: number };
const wrapped = (e: Text, level: number): string => (e.level < level ? `(${e.formula})` : e.formula);
const expression = fc.letrec<{ e: Text }>((tie) => ({
  e: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...Object.keys(numbers)).map((name): Text => ({ formula: name, script: `n.${name}`, level: 5 })),
    fc.integer({ min: 0, max: 40 }).map((k): Text => ({ formula: String(k / 8), script: String(k / 8), level: 5 })),
    fc.tuple(tie("e"), tie("e"), fc.constantFrom("+", "-"), fc.constantFrom("", " ")).map(
      ([a, b, o, s]): Text => ({
        formula: `${wrapped(a, 1)}${s}${o}${s}${wrapped(b, 2)}`,
        script: `(${a.script} ${o} ${b.script})`,
        level: 1,
      }),
    ),
    fc
      .tuple(tie("e"), tie("e"), fc.constantFrom("*", "/"))
      .map(([a, b, o]): Text => ({ formula: `${wrapped(a, 2)}${o}${wrapped(b, 3)}`, script: `(${a.script} ${o} ${b.script})`, level: 2 })),
    fc
      .tuple(tie("e"), fc.constantFrom("^", "**"))
      .map(([a, o]): Text => ({ formula: `${wrapped(a, 5)}${o}2`, script: `(${a.script} ** 2)`, level: 4 })),
    tie("e").map((a): Text => ({ formula: `-${wrapped(a, 3)}`, script: `(-${a.script})`, level: 3 })),
    tie("e").map((a): Text => ({ formula: `tanh(${a.formula})`, script: `Math.tanh(${a.script})`, level: 5 })),
  ),
}));

describe("formulas", () => {
  it("mean what JavaScript means by them", async () => {
    await fc.assert(
      fc.asyncProperty(expression.e, async ({ formula, script }) => {
        const expected = new Function("n", `return ${script}`)(numbers) as number;
        const got = await valueOf(template(formula).evaluate(named));
        if (Number.isFinite(expected)) expect(Math.abs(got - expected)).toBeLessThanOrEqual(1e-11 * Math.max(1, Math.abs(expected)));
        else expect(Number.isFinite(got)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it("are left minus right, with numbers, tensors and symbols in their places", async () => {
    const { u, u_t, u_x, u_xx } = symbols();
    const nu = tensor(0.01, { dtype: "float64" }).named("nu");
    const burgers = pde`${u_t!} + ${u!}*${u_x!} = ${nu}*${u_xx!}`;
    expect(burgers.names).toEqual(["u_t", "u", "u_x", "u_xx"]);
    const values: Record<string, number> = { u: 2, u_t: 3, u_x: 5, u_xx: 7 };
    expect(await valueOf(burgers.evaluate((name) => tensor(values[name]!, { dtype: "float64" })))).toBeCloseTo(3 + 10 - 0.07, 14);
    expect(burgers.latex()).toBe("u_{t} + u \\, u_{x} = \\nu \\, u_{xx}");
    expect(await valueOf(pde`${-2}*${-3} - 2*pi`.evaluate(named))).toBeCloseTo(6 - 2 * Math.PI, 14);
    expect(await valueOf(template("2^3^2").evaluate(named))).toBe(512);
    expect(await valueOf(template("-2^2").evaluate(named))).toBe(-4);
    expect(await valueOf(template("1e-3 + 2.5E2").evaluate(named))).toBeCloseTo(250.001, 12);
  });

  it("are shown as LaTeX", () => {
    expect(template("(u + v)*w - u/(v - 1)^2").latex()).toBe("\\left(u + v\\right) \\, w - \\frac{u}{{\\left(v - 1\\right)}^{2}}");
    expect(template("u - (v - w)").latex()).toBe("u - \\left(v - w\\right)");
    expect(template("sqrt(u) + alpha*exp(-x)").latex()).toBe("\\sqrt{u} + \\alpha \\, \\exp\\left(-x\\right)");
  });
});

describe("mistakes", () => {
  const message = (text: string): string => {
    try {
      template(text);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  it("are shown where they are", () => {
    expect(message("u_t + * u")).toBe('pde: "*" was not expected here\n  u_t + * u\n        ^');
    expect(message("u_t + ")).toBe("pde: the formula ends here, where a value is missing\n  u_t + \n        ^");
    expect(message("2*(u + 1")).toBe('pde: a ")" is missing\n  2*(u + 1\n    ^');
    expect(message("u # 2")).toBe('pde: "#" was not expected here\n  u # 2\n    ^');
    expect(message("u = 1 = 2")).toContain('"=" was not expected here');
    expect(message("sine(u)")).toContain('there is no function "sine"; there are sin, cos');
    expect(message("max(u)")).toContain("max takes 2 values, got 1");
    expect(() => template("u_t + v").check((name) => name.startsWith("u"), "the field is u")).toThrow(
      'there is no "v"; the field is u\n  u_t + v\n        ^',
    );
    expect(() => pde`u + ${"2" as never}`).toThrow('must be a number, a tensor or a symbol, got "2" after "u +"');
  });
});
