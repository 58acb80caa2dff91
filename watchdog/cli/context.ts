/** What every command receives. */
export interface CommandContext {
  /** Path of the configuration file. */
  configFile(): string;
  /** Writes a result to standard output. */
  readonly print: (text: string) => void;
  /** Writes a message for people to standard error. */
  readonly complain: (text: string) => void;
  /** Sets the exit code of a command that completes, see `exitCodes`. Default: ok. */
  readonly finish: (exitCode: number) => void;
}
