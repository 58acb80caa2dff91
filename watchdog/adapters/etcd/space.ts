import type { MemberSpace } from "../../core/state/store-space.ts";
import type { EtcdClient, MemberStatus } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { alarmsAnswer, emptyAnswer, type Revision } from "./wire.ts";

/** What each member that answers holds. A member's status needs no user. */
export async function memberSpaces(client: EtcdClient, quotaBytes: number): Promise<readonly MemberSpace[]> {
  return (await client.statuses()).flatMap((status) => {
    if (status instanceof EtcdError) return [];
    return [spaceOf(status, quotaBytes)];
  });
}

/** What a member holds, by its status. */
export function spaceOf(status: MemberStatus, quotaBytes: number): MemberSpace {
  const { endpoint, databaseBytes: bytes, databaseBytesInUse: bytesInUse } = status;
  return { endpoint, bytes, bytesInUse, quotaBytes };
}

/** Forgets what keys held before this revision, and returns once the space is free for new data. */
export async function compact(client: EtcdClient, revision: Revision): Promise<void> {
  try {
    await client.call({
      what: "compaction",
      path: "kv/compaction",
      body: { revision, physical: true },
      answer: emptyAnswer,
      effect: "repeatable",
    });
  } catch (error) {
    // By etcd itself, or by an earlier run.
    if (error instanceof EtcdError && error.message.includes("has been compacted")) return;
    throw error;
  }
}

/** Rewrites the file of the client's one member without the free space in it. The member answers nothing meanwhile. */
export async function defragment(client: EtcdClient): Promise<void> {
  await client.call({
    what: "defragmentation",
    path: "maintenance/defragment",
    body: {},
    answer: emptyAnswer,
    effect: "repeatable",
  });
}

/** Ends the alarm by which members refuse writes. A member whose data still exceeds the quota raises it again. */
export async function endSpaceAlarm(client: EtcdClient): Promise<void> {
  const ask = (what: string, body: object) =>
    client.call({ what, path: "maintenance/alarm", body, answer: alarmsAnswer, effect: "repeatable" });
  const { alarms } = await ask("alarm list", { action: "GET" });
  for (const { memberID, alarm } of alarms) {
    if (alarm === "NOSPACE") await ask("alarm disarm", { action: "DEACTIVATE", memberID, alarm });
  }
}
