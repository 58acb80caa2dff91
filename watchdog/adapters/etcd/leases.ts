import type { EtcdClient } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { emptyAnswer, type LeaseId, leaseGrantAnswer, leaseKeepAliveAnswer, leaseTimeToLiveAnswer } from "./wire.ts";

/**
 * A new lease of at least `ttlSeconds`: etcd raises it to 1.5 times its election timeout when that is longer. Repeatable,
 * because a grant whose answer was lost leaves a lease that holds no key and expires by itself.
 */
export async function grantLease(
  client: EtcdClient,
  ttlSeconds: number,
): Promise<{ readonly id: LeaseId; readonly ttlSeconds: number }> {
  const answer = await client.call({
    what: "lease grant",
    path: "lease/grant",
    body: { TTL: String(ttlSeconds) },
    answer: leaseGrantAnswer,
    effect: "repeatable",
  });
  if (answer.error !== "") throw new EtcdError("rejected", `etcd: lease grant failed: ${answer.error}`);
  return { id: answer.ID, ttlSeconds: answer.TTL };
}

/** Restarts the lease's time to live and returns it in seconds; null when the lease has expired. */
export async function keepLeaseAlive(client: EtcdClient, id: LeaseId): Promise<number | null> {
  const { result } = await client.call({
    what: "lease keep-alive",
    path: "lease/keepalive",
    body: { ID: id },
    answer: leaseKeepAliveAnswer,
    effect: "repeatable",
  });
  return result.TTL > 0 ? result.TTL : null;
}

/** Ends a lease and deletes its keys. A lease that no longer exists is no error. */
export async function revokeLease(client: EtcdClient, id: LeaseId): Promise<void> {
  try {
    await client.call({
      what: "lease revoke",
      path: "lease/revoke",
      body: { ID: id },
      answer: emptyAnswer,
      effect: "repeatable",
    });
  } catch (error) {
    if (error instanceof EtcdError && error.message.includes("requested lease not found")) return;
    throw error;
  }
}

/** Seconds until a lease expires unless it is renewed; 0 when it has expired. */
export async function leaseRemainingSeconds(client: EtcdClient, id: LeaseId): Promise<number> {
  const answer = await client.call({
    what: "lease time-to-live",
    path: "lease/timetolive",
    body: { ID: id },
    answer: leaseTimeToLiveAnswer,
    effect: "read",
  });
  return Math.max(0, answer.TTL);
}
