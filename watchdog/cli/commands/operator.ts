import { type Command, InvalidArgumentError, Option } from "commander";
import type { ReplayableClass } from "../../salvage/replay/replay-plan.ts";
import type { CommandContext } from "../context.ts";
import { giveCommand, requestChange } from "./changes.ts";
import { showHistory } from "./history.ts";
import type { Simulated } from "./simulate.ts";

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
  addLooks(program, context);
  addSalvage(program, context);
}

/** Commands that ask and compare. What they need is loaded only when they run: it takes longer than the others do. */
function addLooks(program: Command, context: CommandContext): void {
  program
    .command("verify")
    .description("compare both regions: indices, counts, checkpoints, and a sample of documents")
    .option("--sample <n>", "documents looked at per shard", wholeNumber(1, 1_000), 100)
    .option("--seed <text>", "choose the same sample as the run that printed this seed")
    .option("--json", "as JSON", false)
    .action(async ({ seed, ...options }: { sample: number; seed?: string; json: boolean }) => {
      const { verify } = await import("./verify.ts");
      await verify(context, { ...options, seed: seed ?? null });
    });
  program
    .command("preflight")
    .description(
      "check whether a failover and the way back would work: licences, versions, links, disks, clocks, votes",
    )
    .option("--outage <hours>", "an outage to be survived without copying all over again", wholeNumber(1, 10_000), 12)
    .option("--json", "as JSON", false)
    .action(async ({ outage, json }: { outage: number; json: boolean }) => {
      const { preflight } = await import("./preflight.ts");
      await preflight(context, { json, outageHours: outage });
    });
  program
    .command("simulate")
    .description("ask the rules what they would do, about recorded situations or an assumption about the present one")
    .addOption(new Option("--observations <file>", "situations, one JSON object per line").conflicts(["if", "save"]))
    .addOption(new Option("--if <what>", "such as gra-down, gra-elasticsearch-down or store-down").conflicts("save"))
    .option("--save <file>", "add the present situation to a file for --observations")
    .option("--json", "as JSON", false)
    .action(async (options: { observations?: string; if?: string; save?: string; json: boolean }, command: Command) => {
      const what = simulatedOf(options);
      if (what === null) command.error("error: one of --observations, --if and --save is needed");
      const { simulate } = await import("./simulate.ts");
      if (what !== null) await simulate(context, what, options);
    });
}

function simulatedOf(options: { observations?: string; if?: string; save?: string }): Simulated | null {
  if (options.observations !== undefined) return { kind: "observations", file: options.observations };
  if (options.if !== undefined) return { kind: "if", assumption: options.if };
  return options.save === undefined ? null : { kind: "save", file: options.save };
}

function addSalvage(program: Command, context: CommandContext): void {
  const salvage = program
    .command("salvage")
    .description("writes that an old primary held alone, kept on the host whose watchdog salvaged them");
  salvage
    .command("list")
    .description("show what has been salvaged")
    .option("--json", "as JSON", false)
    .action(async (options: { json: boolean }) => (await import("./salvage.ts")).list(context, options));
  salvage
    .command("show")
    .description("check one of them against its receipt, and show what it holds and what it cannot hold")
    .argument("<name>", "as listed")
    .option("--json", "as JSON", false)
    .action(async (name: string, options: { json: boolean }) =>
      (await import("./salvage.ts")).show(context, name, options),
    );
  salvage
    .command("replay")
    .description("write what the active region lacks into it, never over anything newer; can be run again and again")
    .argument("<name>", "as listed")
    .addOption(
      new Option("--classes <list>", "any of missing,newer,conflicting").argParser(classes).default(["missing"]),
    )
    .option("--include-maybe-deleted", "also documents that the active region may have deleted", false)
    .addOption(dryRun())
    .option("-y, --yes", "do not ask for confirmation", false)
    .option("--json", "as JSON", false)
    .action(async (name: string, { classes: chosen, includeMaybeDeleted, ...options }: ReplayFlags) => {
      const choice = { classes: chosen, includeMayBeDeleted: includeMaybeDeleted };
      await (await import("./salvage.ts")).replay(context, name, { ...options, choice });
    });
  salvage
    .command("discard")
    .description("give up what these indices of the old primary hold, so that they may go without being salvaged")
    .argument("<index...>", "names in full")
    .requiredOption("--reason <text>", "for the record")
    .addOption(dryRun())
    .option("-y, --yes", "do not ask for confirmation", false)
    .action(async (indices: string[], options: { reason: string; dryRun: boolean; yes: boolean }) =>
      (await import("./salvage.ts")).discard(context, indices, options),
    );
}

interface ReplayFlags {
  readonly classes: readonly ReplayableClass[];
  readonly includeMaybeDeleted: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

const replayable: readonly ReplayableClass[] = ["missing", "newer", "conflicting"];

function classes(text: string): readonly ReplayableClass[] {
  const named = text.split(",").map((name) => name.trim());
  const unknown = named.find((name) => !(replayable as readonly string[]).includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${replayable.join(", ")}.`);
  return replayable.filter((name) => named.includes(name));
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
