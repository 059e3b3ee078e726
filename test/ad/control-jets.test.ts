/** Taylor series through loops and branches. */
import { controlCases } from "./control-cases.ts";
import { judgeJets } from "./judge-jets.ts";

judgeJets(controlCases);
