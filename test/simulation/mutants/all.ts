import { changeMutants } from "./changes.ts";
import { copyMutants } from "./copies.ts";
import { decisionMutants } from "./decisions.ts";
import { entryMutants } from "./entries.ts";
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [...entryMutants, ...decisionMutants, ...changeMutants, ...copyMutants];
