/** The suites of `npm run torture`, in the order of the table. */
import { crashSuites } from "./crash/suites.ts";
import type { Suite } from "./suite.ts";

export const suites: readonly Suite[] = [...crashSuites];
