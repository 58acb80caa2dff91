/** One piece of set-up. Steps run in order; a step that is done is skipped. */
export interface SetUpStep {
  /** Imperative, for people: "Build the Pulumi CLI 3.259.0". */
  readonly title: string;
  /** Its purpose in a few words, and the duration of a first run when that is more than some seconds. */
  readonly why: string;
  /** Whether the result exists. Must be quick and free of side effects. */
  isDone(): Promise<boolean>;
  /** Makes the result. May be interrupted at any point and run again. `say` shows one line of progress. */
  run(say: (line: string) => void): Promise<void>;
}
