import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../adapters/clock.ts";
import { EtcdClient, type MemberStatus } from "../adapters/etcd/client.ts";
import { EtcdError } from "../adapters/etcd/errors.ts";
import { compact, defragment, endSpaceAlarm } from "../adapters/etcd/space.ts";
import { readEtcdTls } from "../adapters/etcd/tls.ts";
import { size } from "../util/text.ts";
import { notEnabled } from "./cluster.ts";
import type { MemberConfig } from "./config.ts";

/** A member writes a new file of what it holds: at most its quota, on a slow disk. */
const DEFRAGMENT_MS = 120_000;
const POLL_INTERVAL_MS = 200;

/** Clients of all members, or of one of them. */
type Connect = (endpoints: readonly string[], as: "root" | "nobody", deadlineMs: number) => EtcdClient;

export interface DefragmentRun {
  readonly config: MemberConfig;
  /** Called with each sentence for people. */
  readonly report: (sentence: string) => void;
}

/** The members that answer, in the order in which their files are rewritten: the leader last. */
export async function membersToDefragment({ config, report }: DefragmentRun): Promise<readonly MemberStatus[]> {
  return withClients(config, (connect) => observe(connect, config, report));
}

/**
 * Forgets old revisions, rewrites each member's file without the free space in it, one member at a time, and ends the
 * alarm by which a full etcd refuses writes. May be repeated, also after an interruption.
 *
 * @throws EtcdError when a member does not come back: then the others are left as they are
 */
export async function defragmentMembers({ config, report }: DefragmentRun): Promise<void> {
  await withClients(config, async (connect) => {
    const members = await observe(connect, config, report);
    const leader = members.at(-1);
    if (leader === undefined || !leader.hasLeader) throw new Error("etcd has no leader: bring its members back first");
    const all = config.members.map(({ clientUrl }) => clientUrl);
    await administer(connect, all, (client) => compact(client, leader.revision));
    for (const { endpoint, databaseBytes } of members) {
      await administer(connect, [endpoint], defragment);
      const now = await untilItAnswers(connect([endpoint], "nobody", DEFRAGMENT_MS));
      report(`${endpoint}: ${size(databaseBytes)} before, ${size(now.databaseBytes)} now.`);
    }
    await administer(connect, all, endSpaceAlarm);
    report("etcd takes writes.");
  });
}

async function observe(
  connect: Connect,
  config: MemberConfig,
  report: DefragmentRun["report"],
): Promise<readonly MemberStatus[]> {
  const endpoints = config.members.map(({ clientUrl }) => clientUrl);
  const statuses = await connect(endpoints, "nobody", 5_000).statuses();
  for (const status of statuses) if (status instanceof EtcdError) report(`Left as it is: ${status.message}`);
  const answering = statuses.flatMap((status) => (status instanceof EtcdError ? [] : [status]));
  return answering.toSorted((a, b) => Number(a.isLeader) - Number(b.isLeader));
}

async function untilItAnswers(client: EtcdClient): Promise<MemberStatus> {
  for (const untilMs = performance.now() + DEFRAGMENT_MS; ; await sleep(POLL_INTERVAL_MS)) {
    const [status] = await client.statuses();
    if (status !== undefined && !(status instanceof EtcdError) && status.hasLeader) return status;
    if (performance.now() > untilMs) throw status instanceof EtcdError ? status : new Error("a member has no leader");
  }
}

/** As root; before authentication is enabled there is no such user. */
async function administer(
  connect: Connect,
  endpoints: readonly string[],
  change: (client: EtcdClient) => Promise<void>,
): Promise<void> {
  try {
    await change(connect(endpoints, "root", DEFRAGMENT_MS));
  } catch (error) {
    if (!notEnabled(error)) throw error;
    await change(connect(endpoints, "nobody", DEFRAGMENT_MS));
  }
}

async function withClients<T>(config: MemberConfig, run: (connect: Connect) => Promise<T>): Promise<T> {
  const tls = await readEtcdTls(config);
  const password = (await readFile(config.root.passwordFile, "utf8")).trim();
  const root = { username: config.root.username, password };
  const clients: EtcdClient[] = [];
  try {
    return await run((endpoints, as, deadlineMs) => {
      const credentials = as === "root" ? root : null;
      // Not asked at a second member before the deadline: a member that rewrites its file is slow, not lost.
      const client = new EtcdClient({
        endpoints,
        tls,
        credentials,
        hedgeAfterMs: deadlineMs,
        deadlineMs,
        clock: systemClock,
      });
      clients.push(client);
      return client;
    });
  } finally {
    for (const client of clients) client.close();
  }
}
