import type { Layout } from "../world/layout.ts";

/** One place of the watchdog's source, changed. */
export interface Edit {
  /** Below watchdog/. */
  readonly file: string;
  /** Must occur in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

/** How the histories of a layout show that a rule is missing. */
export interface Symptom {
  /** Invariants, one of which breaks. */
  readonly breaks: readonly string[];
  /** The faults under which it shows soonest. */
  readonly faults: readonly string[];
  /**
   * The first history that shows it, where that is not among the first: it is tried before all others. A change of the watchdog or of
   * the simulator may move it; then the search takes longer, and names the new one.
   */
  readonly seed?: number;
}

/** A watchdog without one of its rules. The simulator has to notice. */
export interface Mutant {
  /** The rule's name, as in the design where it has one there. */
  readonly rule: string;
  /** What the mutant does wrong. */
  readonly defect: string;
  readonly edit: Edit;
  /** Removes a second guard first, where there is one. By itself this must break nothing. */
  readonly given?: Edit;
  readonly shows: Readonly<Partial<Record<Layout["name"], Symptom>>>;
}
