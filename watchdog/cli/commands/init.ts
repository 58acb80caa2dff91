import { existsSync } from "node:fs";
import type { Command } from "commander";
import {
  type Answers,
  type AnswersInput,
  adminCredentials,
  answersSchema,
  withCredentials,
} from "../../adoption/answers.ts";
import { configurationFor, etcdCommands } from "../../adoption/configuration.ts";
import { type AdoptionPlan, planAdoption } from "../../adoption/plan.ts";
import type { Administrators } from "../../app/adopt.ts";
import { crossFieldViolations } from "../../config/contradictions.ts";
import { readCredentials } from "../../config/files.ts";
import { readJson } from "../../config/json-file.ts";
import { type WatchdogConfigInput, watchdogConfigSchema } from "../../config/schema.ts";
import { ConfigError, type ConfigViolation, parseSchema } from "../../config/violations.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { type Ask, terminal } from "../init/ask.ts";
import { askAnswers } from "../init/questions.ts";
import { confirm } from "../operator.ts";
import { dryRunOption, jsonOption, yesOption } from "../options.ts";
import { formatAdoption, formatEtcd, formatRequests } from "../output/init.ts";
import { writeSnippet } from "./haproxy/snippet.ts";

const help = `
Looks at both clusters as an administrator, whose password is used and not kept, and shows what it would take over, make, and what
is in the way. Once confirmed it makes roles, users and remote clusters, and writes their passwords and the watchdog's
configuration. Followers and auto-follow patterns stay. Docs: docs/adoption.md.`;

interface InitOptions {
  readonly from?: string;
  readonly dryRun: boolean;
  readonly print: boolean;
  readonly overwrite: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

export function addInit(program: Command, context: CommandContext): void {
  program
    .command("init")
    .description("take over two clusters that are there already: look at them, and write the watchdog's configuration")
    .option("--from <file>", "take the answers from a JSON file, with passwords in files that it names")
    .addOption(dryRunOption())
    .option("--print", "print the requests and the configuration in place of making them", false)
    .option("--overwrite", "replace the configuration file if there is one", false)
    .addOption(yesOption())
    .addOption(jsonOption("print what was found as JSON; change nothing"))
    .addHelpText("after", help)
    .action((options: InitOptions) => init(context, options));
}

async function init(context: CommandContext, options: InitOptions): Promise<void> {
  const { configFile, print, complain, finish } = context;
  const target = configFile();
  const changes = !(options.dryRun || options.print || options.json);
  if (changes && existsSync(target) && !options.overwrite) {
    complain(`${target} is there already: --overwrite replaces it, --dry-run changes nothing.`);
    return finish(exitCodes.refused);
  }
  const { file, input } = await answersFrom(options, terminal);
  const answers = parseAnswers(file, input);
  const administrators = await administratorsOf(answers, terminal);
  // Loaded on demand, as it brings the Elasticsearch client.
  const adopt = await import("../../app/adopt.ts");
  const facts = await adopt.lookAtClusters(answers, administrators);
  const plan = planAdoption({ facts, config: adopt.adoptionConfig(answers) });
  const configuration = plan.active === null ? null : configurationFor(input, plan.active, plan.aliases);
  if (options.json) print(JSON.stringify({ ...plan, configuration }, null, 2));
  else print(formatAdoption(plan, [...adopt.secretFiles(answers, plan.requests), target]));
  if (configuration !== null) assertConsistent(target, configuration);
  if (options.print) printRequests(context, plan, configuration);
  if (plan.inTheWay.length > 0 || configuration === null) {
    if (changes) complain("\nNothing was changed: see to what is in the way first.");
    return finish(changes ? exitCodes.refused : exitCodes.findings);
  }
  if (!changes) return;
  if (!options.yes && !(await confirm("\nMake this in both clusters, and write these files?"))) {
    complain("Not confirmed: nothing was changed.");
    return finish(exitCodes.refused);
  }
  await adopt.applyRequests(answers, administrators, plan.requests);
  await adopt.writeOwnFile(target, `${JSON.stringify(configuration, null, 2)}\n`);
  print(nextSteps(target, input));
  if (input.router !== null && answers.entry !== null) print(`\n${await writeSnippet(target)}`);
}

async function answersFrom(
  { from }: InitOptions,
  ask: Ask,
): Promise<{ readonly file: string; readonly input: AnswersInput }> {
  if (from === undefined) return { file: "the answers", input: withCredentials(await askAnswers(ask)) };
  const input = await readJson(from);
  // The values as they are written, without defaults: those may change with a version.
  if (!areAnswers(input)) throw new ConfigError(from, violationsOf(from, input));
  return { file: from, input: withCredentials(input) };
}

const areAnswers = (input: unknown): input is AnswersInput => answersSchema.safeParse(input).success;

const violationsOf = (file: string, input: unknown): readonly ConfigViolation[] =>
  parseSchema(answersSchema, input, { fileOf: () => file }).violations ?? [];

function parseAnswers(file: string, input: AnswersInput): Answers {
  const parsed = parseSchema(answersSchema, input, { fileOf: () => file });
  if (parsed.violations !== null) throw new ConfigError(file, parsed.violations);
  return parsed.config;
}

async function administratorsOf(answers: Answers, ask: Ask): Promise<Administrators> {
  const administrators: Record<string, Administrators[string]> = {};
  for (const [region, { admin }] of Object.entries(answers.regions)) {
    const found = adminCredentials(region, admin);
    if (found.kind === "ask") {
      const { username } = found;
      const secret = await ask.secret(`Password of ${username} in ${region}`);
      const credentials = { kind: "password", username, secret: { key: "", file: "" } } as const;
      administrators[region] = { credentials, secret };
    } else {
      const [secret] = await readCredentials(found);
      administrators[region] = { credentials: found, secret };
    }
  }
  return administrators;
}

/** Before anything is changed: a configuration that the watchdog would refuse helps no one. */
function assertConsistent(target: string, configuration: WatchdogConfigInput): void {
  const parsed = parseSchema(watchdogConfigSchema, configuration, { fileOf: () => target });
  const violations = parsed.violations ?? crossFieldViolations(parsed.config);
  if (violations.length > 0) throw new ConfigError("the answers", violations);
}

function printRequests(
  { print }: CommandContext,
  { requests }: AdoptionPlan,
  configuration: WatchdogConfigInput | null,
): void {
  if (requests.length > 0) print(`\n${formatRequests(requests)}`);
  if (configuration === null) return;
  const etcd = formatEtcd(etcdCommands(configuration));
  if (etcd !== "") print(`\n${etcd}`);
  print(`\n# The watchdog's configuration\n${JSON.stringify(configuration, null, 2)}`);
}

function nextSteps(target: string, input: AnswersInput): string {
  const etcd = formatEtcd(etcdCommands(input));
  const steps = [
    "es-failover check-config",
    "es-failover preflight",
    "systemctl enable --now es-failover",
    "es-failover status",
  ];
  return [
    `Wrote ${target}. Nothing follows, promotes or routes yet: the watchdog does once it runs.`,
    ...(etcd === "" ? [] : [etcd]),
    `Here, and then on every other host with its own answers (docs/adoption.md), HAProxy first:\n${steps.map((step) => `  ${step}`).join("\n")}`,
  ].join("\n\n");
}
