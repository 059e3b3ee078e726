/** The picture is well-formed, shows every observation, and stays inside its frame. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { picture, timesShown } from "../../examples/calibrate/picture.ts";
import { ticks } from "../../examples/calibrate/svg.ts";

/** Checks that tags open and close in order and attributes are quoted; returns how often each element occurs. */
function elements(xml: string): Map<string, number> {
  const open: string[] = [];
  const counts = new Map<string, number>();
  const rest = xml.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z:0-9-]+="[^"<&]*(?:&(?:amp|lt|gt);[^"<&]*)*")*)(\/?)>/g,
    (_, closing, name, __, empty) => {
      if (closing) expect(open.pop()).toBe(name);
      else counts.set(name, (counts.get(name) ?? 0) + 1);
      if (!closing && !empty) open.push(name);
      return "";
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/<|&(?!amp;|lt;|gt;)/);
  return counts;
}

const observations = fc
  .array(
    fc.record({
      t: fc.constantFrom(0, 0.1, 0.25, 0.5, 1, 1.5, 1.75, 2),
      x: fc.double({ min: -1, max: 1, noNaN: true }),
      u: fc.double({ min: -3, max: 3, noNaN: true }),
    }),
    {
      minLength: 2,
      maxLength: 60,
    },
  )
  .map((rows) => ({ t: rows.map((r) => r.t), x: rows.map((r) => r.x), u: rows.map((r) => r.u), truth: undefined }));

describe("the picture", () => {
  it("is well-formed, with every residual and every observation of the times shown, inside the frame", () => {
    fc.assert(
      fc.property(observations, fc.string(), (data, caption) => {
        const shown = timesShown(data);
        const grid = Array.from({ length: 9 }, (_, i) => -0.8 + 0.2 * i);
        const profiles = shown.map((t) => ({ t, u: grid.map((x) => Math.sin(3 * x)) }));
        const text = picture({ observations: data, x: grid, profiles, residuals: data.u.map((u) => u / 100), caption });
        const counts = elements(text);
        expect(counts.get("circle")).toBe(data.t.length + data.t.filter((t) => shown.includes(t)).length);
        for (const [, x, y] of text.matchAll(/cx="([^"]*)" cy="([^"]*)"/g)) {
          expect(Number(x)).toBeGreaterThan(0);
          expect(Number(x)).toBeLessThan(980);
          expect(Number(y)).toBeGreaterThan(80);
          expect(Number(y)).toBeLessThan(420);
        }
      }),
    );
  });

  it("shows up to six times of the observations, the last among them, none twice", () => {
    fc.assert(
      fc.property(observations, (data) => {
        const shown = timesShown(data);
        expect(shown.length).toBe(Math.min(6, new Set(data.t).size));
        expect(new Set(shown).size).toBe(shown.length);
        expect(shown.at(-1)).toBe(Math.max(...data.t));
        for (const t of shown) expect(data.t).toContain(t);
      }),
    );
  });
});

describe("ticks", () => {
  it("are three to nine round values inside the axis", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (from, size) => {
        fc.pre(Math.abs(from) < 1e6 * size);
        const values = ticks({ from, to: from + size, label: "" });
        expect(values.length).toBeGreaterThanOrEqual(3);
        expect(values.length).toBeLessThanOrEqual(9);
        for (const v of values) {
          expect(v).toBeGreaterThanOrEqual(from - 1e-6 * size);
          expect(v).toBeLessThanOrEqual(from + size * (1 + 1e-6));
        }
      }),
    );
  });
});
