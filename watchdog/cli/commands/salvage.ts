import { Refused } from "../../adapters/control-socket.ts";
import { createElasticsearchCluster } from "../../adapters/elasticsearch/cluster.ts";
import { createElasticsearchDocuments, DOCUMENT_TIMEOUT_MS } from "../../adapters/elasticsearch/documents.ts";
import { connectClusters, nodesOf } from "../../app/clusters.ts";
import type { RegionName } from "../../config/address.ts";
import { type LoadedConfig, loadConfig, parseConfigFile } from "../../config/load.ts";
import {
  discardIndices,
  listSalvages,
  previewReplay,
  type ReplayPreview,
  type ReplayRequest,
  replaySalvage,
  showSalvage,
} from "../../salvage/commands.ts";
import type { ActivePrimary } from "../../salvage/ports.ts";
import type { ReplayReport } from "../../salvage/replay/replay.ts";
import type { ReplayChoice } from "../../salvage/replay/replay-plan.ts";
import { salvageRoot } from "../../salvage/salvage.ts";
import { count } from "../../util/text.ts";
import { activeRegion } from "../active-region.ts";
import { type CommandContext, confirm, loginName } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { formatDetails, formatList, formatPreview, formatReport } from "../output/salvage.ts";
import { actAsOwnerOf } from "../privileges.ts";

/** `es-failover salvage …`: the operations that an old primary held alone. The exports belong to the watchdog's user. */

interface Shown {
  readonly json: boolean;
}

export async function list({ configFile, print }: CommandContext, { json }: Shown): Promise<void> {
  const { stateDirectory } = await parseConfigFile(configFile());
  await actAsOwnerOf(stateDirectory);
  const entries = await listSalvages(salvageRoot(stateDirectory));
  print(json ? JSON.stringify(entries, null, 2) : formatList(entries));
}

export async function show(
  { configFile, print, finish }: CommandContext,
  name: string,
  { json }: Shown,
): Promise<void> {
  const { stateDirectory } = await parseConfigFile(configFile());
  await actAsOwnerOf(stateDirectory);
  const details = await showSalvage(salvageRoot(stateDirectory), name);
  print(json ? JSON.stringify(details, null, 2) : formatDetails(details));
  if (!details.check.valid) finish(exitCodes.findings);
}

export interface ReplayOptions extends Shown {
  readonly choice: ReplayChoice;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

/** Compares an export with the active region, shows what a replay would do, has it confirmed, and carries it out. */
export async function replay(context: CommandContext, name: string, options: ReplayOptions): Promise<void> {
  const { print, complain, finish, configFile } = context;
  const { choice, dryRun, yes, json } = options;
  const loaded = await loadConfig(configFile());
  const { active } = await activeRegion(loaded.config);
  await actAsOwnerOf(loaded.config.stateDirectory);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted: the same command goes on from here"));
  process.once("SIGINT", interrupt);
  const { region, close } = connectActive(loaded, active);
  try {
    const root = salvageRoot(loaded.config.stateDirectory);
    const request: ReplayRequest = { root, name, active: region, choice, signal: interrupted.signal };
    const preview = await previewReplay(request, Date.now);
    if (dryRun || !json) print(json ? JSON.stringify(preview, null, 2) : formatPreview(preview, active));
    if (dryRun) return;
    if (preview.report.attempted > 0 && !yes && !(await confirm(questionOf(preview, active)))) {
      complain("Not confirmed: nothing was replayed.");
      return finish(exitCodes.refused);
    }
    const report = await replaySalvage(request, preview.classification.id);
    print(json ? JSON.stringify(report, null, 2) : formatReport(report));
    if (isIncomplete(report)) finish(exitCodes.failed);
  } finally {
    process.off("SIGINT", interrupt);
    await close();
  }
}

const questionOf = ({ report }: ReplayPreview, active: RegionName): string =>
  `\nWrite ${count(report.attempted, "document")} to ${active}?`;

const isIncomplete = ({ outcomes }: ReplayReport): boolean => outcomes.failed > 0;

function connectActive(loaded: LoadedConfig, name: RegionName) {
  const { config } = loaded;
  const nodes = nodesOf(loaded, name);
  const cluster = createElasticsearchCluster({
    ...nodes,
    managed: config.replication,
    // An operator waits: what may be too slow for a region to pass as healthy is not too slow to be written to.
    probeTimeoutMs: DOCUMENT_TIMEOUT_MS,
    unfollowTimeoutMs: config.promotion.unfollowTimeoutMs,
  });
  const documents = createElasticsearchDocuments({ ...nodes, requestTimeoutMs: DOCUMENT_TIMEOUT_MS });
  const region: ActivePrimary = { ...documents, region: name, probe: cluster.probe };
  const close = async (): Promise<void> => {
    await Promise.all([cluster.close(), documents.close()]);
  };
  return { region, close };
}

export interface DiscardOptions {
  readonly reason: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

/** Records that what these indices of the old primary hold alone is given up. */
export async function discard(
  { configFile, print, complain, finish }: CommandContext,
  indices: readonly string[],
  { reason, dryRun, yes }: DiscardOptions,
): Promise<void> {
  const loaded = await loadConfig(configFile());
  const { other, record } = await activeRegion(loaded.config);
  if (record.lastFailover?.from !== other) {
    throw new Refused([
      `${other} is no old primary: it was not active before the present region, so nothing is to be discarded`,
    ]);
  }
  const operator = loginName();
  await actAsOwnerOf(loaded.config.stateDirectory);
  const clusters = connectClusters(loaded);
  try {
    const oldPrimary = clusters[other];
    if (oldPrimary === undefined) throw new Error(`${other} is not in the configuration`);
    const what = `what ${indices.join(", ")} of ${other} ${indices.length === 1 ? "holds" : "hold"} and no other region has`;
    print(`Given up would be ${what}. The indices may then be deleted without being salvaged.`);
    if (dryRun) return;
    if (!yes && !(await confirm("Give it up for good?"))) {
      complain("Not confirmed: nothing was discarded.");
      return finish(exitCodes.refused);
    }
    const root = salvageRoot(loaded.config.stateDirectory);
    const discards = await discardIndices({ root, oldPrimary, indices, operator, reason, nowMs: Date.now });
    print(
      `Recorded for ${discards.map(({ index }) => index).join(", ")}. It counts while the watchdog of this host decides; on another host it has to be said there.`,
    );
  } finally {
    await Promise.all(Object.values(clusters).map((cluster) => cluster.close()));
  }
}
