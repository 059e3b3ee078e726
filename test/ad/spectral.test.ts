/** Derivative and batching rules of qr and eigh. */
import { drawn, judgeRules } from "./judge-rules.ts";
import { spectralCases } from "./linalg-cases.ts";

judgeRules(drawn(spectralCases));
