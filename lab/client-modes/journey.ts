import type { Addresses } from "../../watchdog/config/address.ts";
import type { LastFailover } from "../../watchdog/core/state/record.ts";
import { deciderWithExport } from "../demo/failback.ts";
import { failoverSince, untilFollowing } from "../demo/failover.ts";
import { headline, quote, say } from "../demo/screen.ts";
import type { TwoRegions } from "../system/two-regions.ts";
import { ApplicationHost, type Writer } from "./application-host.ts";
import { DirectUser } from "./direct-user.ts";
import { Documents } from "./documents.ts";
import { acknowledgedIds, fareOf, type LedgerEntry } from "./ledger.ts";
import { type Programs, startPrograms } from "./programs.ts";
import { refusalsIn } from "./refusals.ts";
import { type DeafOutcome, type DeafStage, faultsOf, sideBySide, stageTable, type WayOutcome } from "./report.ts";

const WRITES_BEFORE = 200;
const WRITES_AFTER = 100;

/** From four programs at work in a system at rest to their accounts. @returns what the program exits with */
export async function journey(system: TwoRegions, addresses: Addresses): Promise<number> {
  const host = await ApplicationHost.prepare(system);
  const documents = await Documents.inNewIndex(system, host, `app-ways-${Date.now()}`);
  const user = await DirectUser.create(system, host, documents.index);
  const programs = await goToWork(system, host, documents.index, addresses, user);
  const loss = await loseGra(system, programs);
  const missing = await documents.missingOf(loss.ledgers.flatMap(acknowledgedIdsOf));
  const deaf = await bringGraBack(system, programs.deaf, user);
  await replaySalvage(system);
  await host.stopAll();

  headline("The account");
  const missingAtTheEnd = await documents.missingOf([...loss.ledgers, deaf.ledger].flatMap(acknowledgedIdsOf));
  const { cutAtMs, failover } = loss;
  const lacks = (ledger: Ledger, ids: ReadonlySet<string>) => acknowledgedIdsOf(ledger).filter((id) => ids.has(id));
  const outcomes = programs.ways.map(({ way }, position): WayOutcome => {
    const ledger = loss.ledgers[position] ?? [];
    return {
      way,
      fare: fareOf(ledger, cutAtMs, failover.startedAtMs),
      missing: lacks(ledger, missing),
      missingAfterReplay: lacks(ledger, missingAtTheEnd),
    };
  });
  return conclude(outcomes, {
    stages: deaf.stages,
    writtenToOldRegion: acknowledgedIds(deaf.ledger, failover.finishedAtMs).length,
    missingAfterReplay: lacks(deaf.ledger, missingAtTheEnd),
  });
}

type Ledger = readonly LedgerEntry[];
const acknowledgedIdsOf = (ledger: Ledger) => acknowledgedIds(ledger);

async function goToWork(
  system: TwoRegions,
  host: ApplicationHost,
  index: string,
  addresses: Addresses,
  user: DirectUser,
): Promise<Programs> {
  headline(`Four programs go to work on ${host.name}`);
  const programs = await startPrograms(system, host, index, addresses, user);
  for (const { way, writer } of programs.ways) {
    await writer.until(`has ${WRITES_BEFORE} writes`, (ledger) => acknowledgedIds(ledger).length >= WRITES_BEFORE);
    say(`${way}: ${WRITES_BEFORE} writes acknowledged`);
  }
  await programs.deaf.until("writes", (ledger) => acknowledgedIds(ledger).length > 0);
  const sinceMs = Date.now();
  await system.watchdogs.until(
    "bhs is in sync, with the programs' index",
    ({ record, replication }) =>
      record?.phase === "serving" && record.standby === "in-sync" && (replication?.observedAtMs ?? 0) > sinceMs,
  );
  return programs;
}

interface Loss {
  readonly cutAtMs: number;
  readonly failover: LastFailover;
  /** Of the three that follow the failover, in their order. */
  readonly ledgers: readonly Ledger[];
}

async function loseGra(system: TwoRegions, { ways }: Programs): Promise<Loss> {
  headline("The power of the whole of gra is cut");
  const cutAtMs = await system.hosts.cutPower("gra");
  const failover = await failoverSince(system, cutAtMs);
  say(`bhs took over ${((failover.finishedAtMs - cutAtMs) / 1000).toFixed(1)} s after the power was cut`);
  const ledgers: Ledger[] = [];
  for (const { way, writer } of ways) {
    const isAtWork = (ledger: Ledger) => acknowledgedIds(ledger, failover.finishedAtMs).length >= WRITES_AFTER;
    await writer.until(`has ${WRITES_AFTER} writes in bhs`, isAtWork);
    await writer.stop();
    ledgers.push(await writer.ledger());
    say(`${way}: ${WRITES_AFTER} writes acknowledged by bhs`);
  }
  return { cutAtMs, failover, ledgers };
}

interface DeafAccount {
  readonly ledger: Ledger;
  readonly stages: readonly DeafStage[];
}

/** The program that nobody told goes on all the while: two fences stop it, one after the other. */
async function bringGraBack(system: TwoRegions, deaf: Writer, user: DirectUser): Promise<DeafAccount> {
  headline("gra is powered on again, and the program that nobody told of the change goes on writing there");
  await system.hosts.powerOn("gra");
  // Nodes that have not found each other yet answer 503 with the same exception.
  const fenced = await deaf.untilSaid(/status 403 .*cluster_block_exception/);
  say("the write block on what gra held has stopped it:");
  quote(fenced.line);
  await untilFollowing(system, "gra");
  headline("Its user is disabled in gra, as an operator may do at any time");
  const beforehand = (await deaf.log()).length;
  await user.disable("gra");
  const lockedOut = await deaf.untilSaid(/status 401 /, beforehand);
  say("it is not let in any more:");
  quote(lockedOut.line);
  await deaf.stop();
  const log = await deaf.log();
  const stages = [
    { when: "gra is off, or boots", refusals: refusalsIn(log.slice(0, fenced.at)) },
    { when: "gra is fenced, emptied, follows", refusals: refusalsIn(log.slice(fenced.at, lockedOut.at)) },
    { when: "its user is disabled", refusals: refusalsIn(log.slice(lockedOut.at)) },
  ];
  return { ledger: await deaf.ledger(), stages };
}

async function replaySalvage(system: TwoRegions): Promise<void> {
  headline("What gra alone held was brought to safety, and is replayed");
  const { operator, name } = await deciderWithExport(system);
  await operator.shows("salvage", "replay", name, "--yes");
}

function conclude(outcomes: readonly WayOutcome[], deaf: DeafOutcome): number {
  console.log(`\n${sideBySide(outcomes)}\n`);
  console.log(`What the program that nobody told was answered for documents that it gave up:\n`);
  console.log(`${stageTable(deaf.stages)}\n`);
  say(`it wrote ${deaf.writtenToOldRegion} documents to gra while bhs served already`);
  const faults = faultsOf(outcomes, deaf);
  for (const fault of faults) console.log(`  FAULT: ${fault}`);
  if (faults.length === 0) say("after the replay bhs has every write that was acknowledged to any of the four");
  return faults.length === 0 ? 0 : 1;
}
