/** Every primitive that the library defines can be found by its name, and names say which. */
import { readdirSync } from "node:fs";
import { expect, it, vi } from "vitest";
import type { RuledPrimitive } from "../../ops/primitive.ts";

const defined = vi.hoisted(() => [] as RuledPrimitive[]);
vi.mock(import("../../ops/primitive.ts"), async (original) => {
  const actual = await original();
  return {
    ...actual,
    definePrimitive: (primitive) => {
      defined.push(primitive);
      return actual.definePrimitive(primitive);
    },
  };
});

it("every primitive that a file of ops or ad defines, and that has a value, is in the table, under a name of its own", async () => {
  const filesOf = (room: string): string[] => readdirSync(room).flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []));
  for (const room of ["ops", "ad"]) for (const file of filesOf(room)) await import(`../../${room}/${file}.ts`);
  const { sinc } = await import("../../ops/sinc.ts");
  const { grad } = await import("../../ad/grad.ts");
  const { placeholder } = await import("../../core/leaves.ts");
  const { primitiveNamed } = await import("../../ops/table.ts");
  // One for each order of derivative.
  const x = placeholder([], "float32");
  grad(grad(sinc(x) as never, x) as never, x);
  expect(defined.length).toBeGreaterThan(60);
  expect(defined.filter((p) => p.lower && primitiveNamed(p.name) !== p).map((p) => p.name)).toEqual([]);
});

it("what a file of ad/control defines is in the table of ad", async () => {
  const { primitiveNamed } = await import("../../ad/table.ts");
  const exported = await Promise.all(
    readdirSync("ad/control").map(async (file) =>
      Object.entries((await import(`../../ad/control/${file}`)) as Record<string, RuledPrimitive>),
    ),
  );
  const primitives = exported.flat().flatMap(([name, value]) => (name.endsWith("Primitive") ? [value] : []));
  expect(primitives.length).toBeGreaterThan(3);
  expect(primitives.filter((p) => primitiveNamed(p.name) !== p).map((p) => p.name)).toEqual([]);
  expect(primitiveNamed("add")?.name).toBe("add");
});

it("other names give nothing", async () => {
  const { primitiveNamed } = await import("../../ops/table.ts");
  expect(["mystery", "variable", "placeholder", "sinc derivative x", ""].map(primitiveNamed)).toEqual(Array(5).fill(undefined));
});
