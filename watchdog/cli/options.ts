import { InvalidArgumentError, Option } from "commander";

/** Options that several commands share, so that they read the same everywhere. */

export const jsonOption = (description = "print JSON"): Option => new Option("--json", description).default(false);

export const dryRunOption = (): Option =>
  new Option("--dry-run", "show what would happen; change nothing").default(false);

export const yesOption = (): Option => new Option("-y, --yes", "do not ask for confirmation").default(false);

/** Default of `--wait`, seconds: a change takes seconds to minutes, a long drain or many indices more. */
const WAIT_S = 600;

export const waitOption = (what: string): Option =>
  new Option("--wait <seconds>", `follow the ${what} for this long; 0: return at once`)
    .argParser(wholeNumber(0, 86_400))
    .default(WAIT_S);

/** Parser for a whole number within bounds; anything else is a usage error that names them. */
export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`expected a whole number from ${minimum} to ${maximum}.`);
  };
}
