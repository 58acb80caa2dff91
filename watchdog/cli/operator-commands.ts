import { type Command, InvalidArgumentError, Option } from "commander";
import { giveCommand, requestChange } from "./changes.ts";
import type { CommandContext } from "./context.ts";
import { showHistory } from "./history.ts";

/** Default of `--wait`: detection, closing and promotion take seconds to minutes, a long drain or many indices more. */
const WAIT_SECONDS = 600;

/** The commands that an operator gives to a running watchdog. */
export function addOperatorCommands(program: Command, context: CommandContext): void {
  program
    .command("history")
    .description("show what changed, when, and by which rule or whose command; newest last")
    .option("--json", "as JSON", false)
    .option("--limit <n>", "at most this many entries", wholeNumber(1, 10_000), 50)
    .action((options: { json: boolean; limit: number }) => showHistory(context, options));
  addPlainCommands(program, context);
  addChange(program, context, "failover");
  addChange(program, context, "switchover");
}

const dryRun = () => new Option("--dry-run", "show what would be done, and change nothing").default(false);

function addPlainCommands(program: Command, context: CommandContext): void {
  program
    .command("pause")
    .description("no automatic failover until `resume`; routing and replication go on")
    .requiredOption("--reason <text>", "for whoever finds it paused")
    .addOption(dryRun())
    .action(({ reason, ...options }: { reason: string; dryRun: boolean }) =>
      giveCommand(context, { kind: "pause", reason }, options),
    );
  const plain = { resume: "end the pause", ack: "end the block period that follows a failover" } as const;
  for (const [kind, description] of Object.entries(plain)) {
    program
      .command(kind)
      .description(description)
      .addOption(dryRun())
      .action((options: { dryRun: boolean }) => giveCommand(context, { kind: kind as keyof typeof plain }, options));
  }
  program
    .command("withdraw")
    .description("take back a failover or switchover that was asked for and has not begun")
    .addOption(dryRun())
    .action((options: { dryRun: boolean }) => giveCommand(context, { kind: "withdraw" }, options));
}

interface ChangeFlags {
  readonly to: string;
  readonly force?: boolean;
  readonly reason?: string;
  readonly yes: boolean;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly wait: number;
}

function addChange(program: Command, context: CommandContext, kind: "failover" | "switchover"): void {
  const command = program
    .command(kind)
    .description(
      kind === "failover"
        ? "let the other region take over now; writes that it lacks are lost until they are salvaged"
        : "move to the other region as planned: no acknowledged write is lost, or it is refused",
    )
    .requiredOption("--to <region>", "the region that takes over")
    .option("--reason <text>", "for the history");
  if (kind === "failover") {
    command.option("--force", "although that region is not in sync, or the active one is well", false);
  }
  command
    .option("-y, --yes", "do not ask for confirmation", false)
    .option("--json", "show what will happen as JSON", false)
    .option("--wait <seconds>", "watch the change for so long; 0: do not", wholeNumber(0, 86_400), WAIT_SECONDS)
    .addOption(dryRun())
    .action(({ to, force = false, reason, wait, ...flags }: ChangeFlags) =>
      requestChange(context, { kind, to, force, reason: reason ?? null }, { ...flags, waitSeconds: wait }),
    );
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`a whole number from ${least} to ${most} is needed.`);
  };
}
