import type { TwoRegions } from "../../system/two-regions.ts";
import { newestExport } from "../exports.ts";
import { loseGra, type RegionLoss, untilFollowing } from "../region-loss.ts";
import type { Report } from "../report.ts";
import { checksOnSmallMachine, type Scenario } from "../run-scenario.ts";
import { headline, quote, say } from "../screen.ts";
import { ApplicationHost } from "./application-host.ts";
import { DirectUser } from "./direct-user.ts";
import { Documents } from "./documents.ts";
import { acknowledgedIds, type LedgerEntry, programOutcome } from "./ledger.ts";
import { type Program, type Programs, startPrograms } from "./programs.ts";
import { refusalsIn } from "./refusals.ts";
import { clientModesReport, type ModeOutcome, type Stage } from "./report.ts";
import type { Writer } from "./writer.ts";

const WRITES_BEFORE = 200;
const WRITES_AFTER = 100;

/** What the endpoint services name: the first Elasticsearch node of each region. */
const endpointAddresses = {
  gra: { host: "192.168.1.11", port: 9200 },
  bhs: { host: "192.168.2.11", port: 9200 },
} as const;

/**
 * Three modes in which an application follows a failover, side by side under the loss of the whole of gra; and what
 * stops an application that follows none. Ends with bhs active.
 */
export const clientModes: Scenario = {
  settings: { checks: checksOnSmallMachine, endpointAddresses },
  play: async (system) => {
    const host = await ApplicationHost.prepare(system);
    const documents = await Documents.inNewIndex(system, host, `app-ways-${Date.now()}`);
    const user = await DirectUser.create(system, host, documents.index);
    const programs = await goToWork(system, host, documents.index, user);
    const loss = await failOver(system, programs.followers);
    const missing = await documents.missingOf(loss.ledgers.flatMap((entries) => acknowledgedIds(entries)));
    const unnotified = await bringGraBack(system, programs.unnotified, user);
    await replayExport(system);
    await host.stopAll();
    headline("The account");
    const allIds = [...loss.ledgers, unnotified.ledger].flatMap((entries) => acknowledgedIds(entries));
    return account(programs.followers, loss, unnotified, {
      missing,
      missingAtTheEnd: await documents.missingOf(allIds),
    });
  },
};

type Entries = readonly LedgerEntry[];

async function goToWork(system: TwoRegions, host: ApplicationHost, index: string, user: DirectUser): Promise<Programs> {
  headline(`Four programs go to work on ${host.name}`);
  const programs = await startPrograms(system, host, index, endpointAddresses, user);
  for (const { mode, writer } of programs.followers) {
    await writer.until(`has ${WRITES_BEFORE} writes`, (entries) => acknowledgedIds(entries).length >= WRITES_BEFORE);
    say(`${mode}: ${WRITES_BEFORE} writes acknowledged`);
  }
  await programs.unnotified.until("writes", (entries) => acknowledgedIds(entries).length > 0);
  const sinceMs = Date.now();
  await system.watchdogs.until(
    "bhs is in sync, with the programs' index",
    ({ record, replication }) =>
      record?.phase === "serving" && record.standby === "in-sync" && (replication?.observedAtMs ?? 0) > sinceMs,
  );
  return programs;
}

interface FailoverUnderLoad extends RegionLoss {
  /** Of the programs that follow the failover, in their order. */
  readonly ledgers: readonly Entries[];
}

async function failOver(system: TwoRegions, followers: readonly Program[]): Promise<FailoverUnderLoad> {
  headline("The power of the whole of gra is cut");
  const loss = await loseGra(system);
  const ledgers: Entries[] = [];
  for (const { mode, writer } of followers) {
    const isAtWork = (entries: Entries) => acknowledgedIds(entries, loss.failover.finishedAtMs).length >= WRITES_AFTER;
    await writer.until(`has ${WRITES_AFTER} writes in bhs`, isAtWork);
    await writer.stop();
    ledgers.push(await writer.ledger());
    say(`${mode}: ${WRITES_AFTER} writes acknowledged by bhs`);
  }
  return { ...loss, ledgers };
}

interface UnnotifiedAccount {
  readonly ledger: Entries;
  readonly stages: readonly Stage[];
}

/** The unnotified program keeps writing to gra; the write block stops it, and later the disabled user. */
async function bringGraBack(system: TwoRegions, unnotified: Writer, user: DirectUser): Promise<UnnotifiedAccount> {
  headline("gra is powered on again, and the program that was not notified keeps writing there");
  await system.hosts.powerOn("gra");
  // Nodes without an elected master answer 503 with the same exception.
  const fenced = await unnotified.untilLogged(/status 403 .*cluster_block_exception/);
  say("the write block on gra's indices has stopped it:");
  quote(fenced.line);
  await untilFollowing(system, "gra");
  headline("Its user is disabled in gra, as an operator may do at any time");
  const offset = (await unnotified.log()).length;
  await user.disable("gra");
  const lockedOut = await unnotified.untilLogged(/status 401 /, offset);
  say("gra no longer accepts its credentials:");
  quote(lockedOut.line);
  await unnotified.stop();
  const log = await unnotified.log();
  const stages = [
    { when: "gra is off, or boots", refusals: refusalsIn(log.slice(0, fenced.at)) },
    { when: "gra is fenced, emptied, follows", refusals: refusalsIn(log.slice(fenced.at, lockedOut.at)) },
    { when: "its user is disabled", refusals: refusalsIn(log.slice(lockedOut.at)) },
  ];
  return { ledger: await unnotified.ledger(), stages };
}

async function replayExport(system: TwoRegions): Promise<void> {
  headline("The export of what only gra held is replayed");
  const { operator, name } = await newestExport(system);
  await operator.show("salvage", "replay", name, "--yes");
}

interface ReadBacks {
  /** Acknowledged writes that bhs lacked after the failover. */
  readonly missing: ReadonlySet<string>;
  /** Acknowledged writes that bhs lacked after the replay. */
  readonly missingAtTheEnd: ReadonlySet<string>;
}

function account(
  followers: readonly Program[],
  { cutAtMs, failover, ledgers }: FailoverUnderLoad,
  unnotified: UnnotifiedAccount,
  { missing, missingAtTheEnd }: ReadBacks,
): Report {
  const lacking = (entries: Entries, ids: ReadonlySet<string>) => acknowledgedIds(entries).filter((id) => ids.has(id));
  const modes = followers.map(({ mode }, position): ModeOutcome => {
    const entries = ledgers[position] ?? [];
    return {
      mode,
      outcome: programOutcome(entries, cutAtMs, failover.startedAtMs),
      missing: lacking(entries, missing),
      missingAfterReplay: lacking(entries, missingAtTheEnd),
    };
  });
  return clientModesReport(modes, {
    stages: unnotified.stages,
    writtenToOldRegion: acknowledgedIds(unnotified.ledger, failover.finishedAtMs).length,
    missingAfterReplay: lacking(unnotified.ledger, missingAtTheEnd),
  });
}
