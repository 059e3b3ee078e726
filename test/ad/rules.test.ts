/** Every operation's derivative and batching rules, at random shapes. */
import { cases as fixedCases } from "../ops/cases.ts";
import { type Case, elementwiseCases } from "./cases.ts";
import { contractionCases } from "./contraction-cases.ts";
import { indexingCases } from "./indexing-cases.ts";
import { drawn, judgeRules } from "./judge-rules.ts";
import { structuralCases } from "./structural-cases.ts";

const varied: readonly Case[] = [...elementwiseCases, ...structuralCases, ...contractionCases, ...indexingCases];
const known = new Set(varied.map((c) => c.name));
judgeRules([...varied, ...drawn(fixedCases.filter((c) => !known.has(c.name)))]);
