import { askControlSocket, type ControlRoute } from "../../adapters/control-socket.ts";
import { type LoadedConfig, loadConfig, parseConfigFile } from "../../config/load.ts";
import type { CommandAnswer } from "../../controller/control-api.ts";
import type { ChangePreview, KnownSituation } from "../../core/preview.ts";
import { applyCommand, type ChangeCommand, type Command } from "../../core/requests.ts";
import { messageOf } from "../../util/errors.ts";
import { count, size } from "../../util/text.ts";
import { type CommandContext, confirm, loginName } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { followChange } from "../output/progress.ts";
import { formatPreview } from "../output/status.ts";

/** A command that takes effect with one write of the state document. */
export type PlainCommand = Exclude<Command, ChangeCommand>;

const plainRoutes = {
  pause: "PUT /pause",
  resume: "DELETE /pause",
  ack: "DELETE /block-period",
  withdraw: "DELETE /request",
} as const satisfies Record<PlainCommand["kind"], ControlRoute>;

/** Gives one of the plain commands, or says what it would change. */
export async function giveCommand(
  { configFile, print, complain, finish }: CommandContext,
  command: PlainCommand,
  { dryRun }: { readonly dryRun: boolean },
): Promise<void> {
  const config = await parseConfigFile(configFile());
  const by = loginName();
  if (dryRun) {
    const { record, nowMs } = (await askControlSocket(config.controlSocket, "GET /situation")) as KnownSituation;
    const applied = applyCommand(record, command, { by, atMs: nowMs }, Object.keys(config.regions));
    if (applied.accepted) return print(`Would be noted in the state document: ${applied.explanation}.`);
    complain(applied.reasons.join("\n"));
    return finish(exitCodes.refused);
  }
  const body = command.kind === "pause" ? { by, reason: command.reason } : { by };
  const answer = (await askControlSocket(config.controlSocket, plainRoutes[command.kind], { body })) as CommandAnswer;
  print(`${answer.explanation}.`);
}

export interface ChangeOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
  /** How long the change is watched, seconds; 0: not at all. */
  readonly waitSeconds: number;
}

/** Asks for a failover or a switchover: shows what will happen, has it confirmed, and watches it to its end. */
export async function requestChange(
  context: CommandContext,
  command: ChangeCommand,
  { dryRun, yes, json, waitSeconds }: ChangeOptions,
): Promise<void> {
  const { configFile, print, complain, finish } = context;
  const loaded = await loadConfig(configFile());
  const { controlSocket } = loaded.config;
  const { kind, ...asked } = command;
  const body = { ...asked, by: loginName() };
  const route = `POST /${kind}` as const;
  const preview = (await askControlSocket(controlSocket, route, { body: { ...body, dryRun: true } })) as ChangePreview;
  if (preview.verdict === "refused") {
    if (json) print(JSON.stringify({ ...preview, copyBytes: null }, null, 2));
    complain(preview.reasons.join("\n"));
    return finish(exitCodes.refused);
  }
  const copy = await copySize(loaded, preview);
  print(json ? JSON.stringify({ ...preview, ...copy }, null, 2) : formatPreview(preview, copySentence(preview, copy)));
  if (dryRun) return;
  if (!yes && !(await confirm(`\n${question(preview)}`))) {
    complain("Not confirmed: nothing was changed.");
    return finish(exitCodes.refused);
  }
  const answer = (await askControlSocket(controlSocket, route, { body })) as CommandAnswer;
  print(`\n${answer.explanation}.`);
  if (waitSeconds > 0) await followChange(context, controlSocket, { preview, answer, waitMs: waitSeconds * 1_000 });
}

function question({ kind, from, to, loss }: ChangePreview): string {
  if (kind === "switchover") return `Move from ${from} to ${to}?`;
  const atMost = loss?.atMost ?? null;
  return `Give up what ${from} holds and ${to} lacks (${atMost === null ? "an unknown number of" : `up to ${atMost}`} operations)?`;
}

interface CopySize {
  /** Bytes of the primaries that have to be copied; null when they could not be asked for. */
  readonly copyBytes: number | null;
  readonly copyError: string | null;
}

/** What the way back costs: the region left behind copies every managed index anew. */
async function copySize(loaded: LoadedConfig, { to, indicesToCopy }: ChangePreview): Promise<CopySize> {
  if (indicesToCopy.length === 0) return { copyBytes: 0, copyError: null };
  // Loaded only here: the Elasticsearch client takes longer to load than most commands take to run.
  const [{ createSurvey }, { nodesOf }] = await Promise.all([
    import("../../adapters/elasticsearch/survey.ts"),
    import("../../app/clusters.ts"),
  ]);
  const survey = createSurvey(nodesOf(loaded, to), loaded.config.replication);
  try {
    return { copyBytes: (await survey.storage()).managedPrimaryBytes, copyError: null };
  } catch (error) {
    return { copyBytes: null, copyError: messageOf(error) };
  } finally {
    await survey.close();
  }
}

function copySentence({ from, to, indicesToCopy }: ChangePreview, { copyBytes, copyError }: CopySize): string {
  const bytes = copyBytes === null ? `their size is unknown: ${copyError}` : size(copyBytes);
  const indices = count(indicesToCopy.length, "index", "indices");
  return `Afterwards ${from} copies ${indices} from ${to} anew, ${bytes}, before it is a standby again.`;
}
