/** Every operation's Taylor series, at random shapes and numbers. */
import { cases as fixedCases } from "../ops/cases.ts";
import { familyCases } from "../ops/family-cases.ts";
import { type Case, elementwiseCases } from "./cases.ts";
import { contractionCases } from "./contraction-cases.ts";
import { indexingCases } from "./indexing-cases.ts";
import { linalgCases } from "./linalg-cases.ts";
import { judgeJets } from "./judge-jets.ts";
import { drawn } from "./judge-rules.ts";
import { structuralCases } from "./structural-cases.ts";

const varied: readonly Case[] = [...elementwiseCases, ...structuralCases, ...contractionCases, ...indexingCases];
const known = new Set(varied.map((c) => c.name));
judgeJets([...varied, ...drawn([...fixedCases, ...familyCases, ...linalgCases].filter((c) => !known.has(c.name)))]);
