/** Derivative and batching rules of special functions. */
import { specialFunctions } from "../ops/family-cases.ts";
import { drawn, judgeRules } from "./judge-rules.ts";

judgeRules(drawn(specialFunctions));
