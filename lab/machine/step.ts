/** One piece of set-up. Steps run in order; a step whose work was done before is skipped. */
export interface SetUpStep {
  /** What it does, as a person would say it: "Build the Pulumi CLI 3.259.0". */
  readonly title: string;
  /** Why it is needed, in a few words, and how long a first run takes where that is more than some seconds. */
  readonly why: string;
  /** True when the result is there already. Must be quick and must not change anything. */
  isDone(): Promise<boolean>;
  /** Makes the result. Must survive being interrupted at any point and run again. `say` shows one line of progress. */
  run(say: (line: string) => void): Promise<void>;
}
