/** The optimum on chains. */
import type { Schedule, Tape } from "./tape.ts";

/** None yet: values go by their scores. */
export const revolveSchedule = (_tape: Tape, _budget: number): Schedule | undefined => undefined;
