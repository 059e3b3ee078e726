/** What a user's observation file may look like, and what is said where it does not fit. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError, parseObservations, readObservations } from "../../examples/calibrate/csv.ts";

const messageOf = (text: string): string => {
  try {
    parseObservations(text, "wave.csv");
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
  return "accepted";
};

describe("observations", () => {
  it("come back as they were written, in any order of columns, with comments, blank lines and either line ending", () => {
    const row = fc.record({
      t: fc.double({ min: 0.001, max: 2, noNaN: true }),
      x: fc.double({ min: -1, max: 1, noNaN: true }),
      u: fc.double({ noNaN: true, noDefaultInfinity: true }),
      note: fc.constantFrom("", "a", "sensor 7"),
    });
    const order = fc.shuffledSubarray(["t", "x", "u", "note"] as const, { minLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 20 }), order, fc.constantFrom("\n", "\r\n"), (rows, names, end) => {
        const lines = ["\uFEFF# a comment, with a comma", names.join(" , "), "", ...rows.map((r) => names.map((n) => r[n]).join(", ")), ""];
        const { t, x, u, truth } = parseObservations(lines.join(end), "wave.csv");
        expect([t, x, u]).toEqual((["t", "x", "u"] as const).map((n) => rows.map((r) => r[n] + 0)));
        expect(truth).toBeUndefined();
      }),
    );
  });

  it("carry the truth where a comment tells it", () => {
    const { truth } = parseObservations("# truth: viscosity=0.05 amplitude=1.2\nt,x,u\n0.1,0,1\n0.2,0,1\n", "wave.csv");
    expect(truth).toEqual({ viscosity: 0.05, amplitude: 1.2 });
  });

  it.each([
    ["an empty file", "", "wave.csv:1:1: no header: the first row must name the columns t, x, u"],
    ["a missing column", "# c\nt;x;u\n", 'wave.csv:2:1: no column "t": the columns are t;x;u, needed are t, x, u'],
    ["a column twice", "t,x,u,x\n", 'wave.csv:1:7: a second column "x"'],
    ["a short row", "t,x,u\n0.1,0,1\n0.1, 0.5\n", "wave.csv:3:6: 2 fields, but the header names 3 columns: t, x, u"],
    ["a long row", "t,x,u\n0.1,0,1,7,8\n", "wave.csv:2:9: 5 fields, but the header names 3 columns: t, x, u"],
    ["a word", "t,x,u\n0.1,0,1\n\n0.1,  left,1\n", 'wave.csv:4:7: column x: "left" is not a number'],
    ["an empty field", "t,x,u\n0.1,,1\n", 'wave.csv:2:5: column x: "" is not a number'],
    ["NaN", "t,x,u\n0.1,0,NaN\n", 'wave.csv:2:7: column u: "NaN" is not a number'],
    ["a number too large", "t,x,u\n0.1,0,1e999\n", 'wave.csv:2:7: column u: "1e999" is not a number'],
    ["hexadecimal", "t,x,u\n0x1,0,1\n", 'wave.csv:2:1: column t: "0x1" is not a number'],
    ["a place outside", "t,x,u\n0.1,1.5,1\n", "wave.csv:2:5: column x: 1.5 is not a position between -1 and 1"],
    ["a time before the start", "t,x,u\n-0.1,0,1\n", "wave.csv:2:1: column t: -0.1 is not a time between 0 and 2"],
    ["no rows", "t,x,u\n\n", "wave.csv:1:1: no rows after the header: there is nothing to fit"],
    ["too few rows", "t,x,u\n0.1,0,1\n", "wave.csv:2:1: 1 observation for 2 unknowns, viscosity and amplitude: at least 2 are needed"],
    [
      "only the start",
      "t,x,u\n0,0,1\n0,0.5,1\n",
      "wave.csv:3:1: every observation is at t = 0, where the wave does not depend on the viscosity yet",
    ],
  ])("that have %s are refused with line and column", (_, text, message) => {
    expect(messageOf(text)).toBe(message);
  });

  it("are told missing or unreadable with the path", () => {
    const folder = mkdtempSync(join(tmpdir(), "calibrate-"));
    expect(() => readObservations(join(folder, "none.csv"))).toThrow(`${join(folder, "none.csv")}: no such file`);
    expect(() => readObservations(folder)).toThrow(`${folder}: cannot be read (EISDIR)`);
    writeFileSync(join(folder, "a.csv"), "t,x,u\n0,0,0\n1,0,0\n");
    expect(readObservations(join(folder, "a.csv")).t).toEqual([0, 1]);
  });

  it("that are shipped name their truth and fill the domain", () => {
    const path = new URL("../../examples/calibrate/observations.csv", import.meta.url);
    const { t, x, truth } = parseObservations(readFileSync(path, "utf8"), "observations.csv");
    expect(truth).toBeDefined();
    expect(t.length).toBeGreaterThanOrEqual(200);
    expect(new Set(x).size).toBeGreaterThanOrEqual(12);
  });
});
