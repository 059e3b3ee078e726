/** Derivative and batching rules of loops and branches. */
import { controlCases } from "./control-cases.ts";
import { judgeRules } from "./judge-rules.ts";

judgeRules(controlCases);
