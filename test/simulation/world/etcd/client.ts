import { isDeepStrictEqual } from "node:util";
import { EtcdError } from "../../../../watchdog/adapters/etcd/errors.ts";
import type { Coordination } from "../../../../watchdog/core/ports/coordination.ts";
import type { Store } from "../../../../watchdog/core/ports/store.ts";
import type { StoreUser } from "../store.ts";
import type { EtcdKeys } from "./keys.ts";

/** How a client's requests reach etcd: each read and each change is linearizable, and may fail. */
export interface EtcdRequests {
  read<T>(answer: () => T): Promise<T>;
  change<T>(make: () => T): Promise<T>;
}

export interface EtcdSession {
  readonly keys: EtcdKeys;
  readonly requests: EtcdRequests;
  readonly user: StoreUser;
  /** Which connection it is: later ones have higher numbers. */
  readonly instance: number;
  /** The leadership as this client believes to hold it; shared by its store and its coordination. */
  leadership: { readonly createRevision: number; readonly untilMonotonicMs: number } | null;
}

/** The store of one watchdog. Refuses the record's writes once another watchdog leads. */
export function etcdStore(session: EtcdSession): Store {
  const { keys, requests, user, instance } = session;
  const { read, change } = requests;
  const acknowledged = new Map<string, number>();
  const held = new Set<string>();
  const believedRevision = () => {
    const { leadership } = session;
    const isOver = leadership === null || user.process.host.monotonicMs() >= leadership.untilMonotonicMs;
    return isOver ? null : leadership.createRevision;
  };
  const leads = (createRevision: number) => keys.live(keys.leader)?.createRevision === createRevision;
  return {
    read: () => read(() => keys.record.stored),
    readAsController: async () => {
      const createRevision = believedRevision();
      return createRevision === null ? null : read(() => (leads(createRevision) ? keys.record.stored : null));
    },
    write: async (record, expected, entry) => {
      const createRevision = believedRevision();
      if (createRevision === null) return "conflict";
      const sentAtMs = user.process.host.world.nowMs;
      return change(() => {
        keys.assertSpace();
        if (!leads(createRevision)) return "conflict";
        return keys.record.write({ record, expected, entry, sentAtMs }, user.process);
      });
    },
    history: (limit) => read(() => keys.record.history.slice(-limit)),
    renewRouterLease: (router) =>
      change(() => {
        const present = keys.live(keys.routers.get(router));
        if (present !== null && present.instance !== instance && held.has(router)) {
          throw new EtcdError("rejected", `etcd: another watchdog has taken the lease of router ${router}`);
        }
        if (present?.instance !== instance) keys.assertSpace();
        held.add(router);
        const untilMs = Math.max(present?.untilMs ?? 0, keys.expiryMs());
        keys.routers.set(router, { untilMs, instance, acknowledgedEpoch: acknowledged.get(router) ?? 0 });
        return { validForMs: keys.ttlMs };
      }),
    acknowledge: (router, epoch) => {
      acknowledged.set(router, Math.max(acknowledged.get(router) ?? 0, epoch));
      return change(() => {
        const lease = keys.live(keys.routers.get(router));
        if (lease?.instance !== instance) throw new EtcdError("rejected", `etcd: ${router} holds no lease any more`);
        if (lease.acknowledgedEpoch < epoch) keys.assertSpace();
        lease.acknowledgedEpoch = Math.max(lease.acknowledgedEpoch, epoch);
      });
    },
    routerLeases: () =>
      read(() =>
        [...keys.routers].flatMap(([router, lease]) =>
          keys.live(lease) === null ? [] : [{ router, acknowledgedEpoch: lease.acknowledgedEpoch }],
        ),
      ),
  };
}

export function etcdCoordination(session: EtcdSession): Coordination {
  const { keys, requests, user, instance } = session;
  const { read, change } = requests;
  let published = 0;
  return {
    publish: (report) => {
      published += 1;
      const order = published;
      return change(() => {
        const present = keys.reports.get(report.watchdog);
        if (present !== undefined && present.instance === instance && present.order > order) return;
        if (present !== undefined && present.instance > instance) return;
        if (present?.instance === instance) present.untilMs = keys.expiryMs();
        keys.assertSpace();
        keys.reports.set(report.watchdog, { report, untilMs: keys.expiryMs(), instance, order });
      });
    },
    reports: () =>
      read(() => [...keys.reports.values()].flatMap((one) => (keys.live(one) === null ? [] : [one.report]))),
    campaign: async () => {
      const startedMs = user.process.host.monotonicMs();
      const leader = await change(() => campaign(session));
      session.leadership = null;
      if (leader.instance !== instance) return { leading: false, leader: leader.watchdog };
      const untilMonotonicMs = startedMs + keys.ttlMs;
      session.leadership = { createRevision: leader.createRevision, untilMonotonicMs };
      return { leading: true, untilMonotonicMs };
    },
    resign: () => {
      session.leadership = null;
      return change(() => {
        if (keys.leader?.instance === instance) keys.leader = null;
      });
    },
    register: (self) =>
      change(() => {
        if (isDeepStrictEqual(keys.members.get(self.name), self)) return;
        keys.assertSpace();
        keys.members.set(self.name, self);
      }),
    members: () => read(() => [...keys.members.values()]),
    forget: (name) => change(() => void keys.members.delete(name)),
  };
}

/** Takes the leadership if it is free, renews it if this client holds it; returns the leader. */
function campaign({ keys, user, instance }: EtcdSession): NonNullable<EtcdKeys["leader"]> {
  const present = keys.live(keys.leader);
  if (present !== null && present.instance !== instance) return present;
  if (present === null) keys.assertSpace();
  const createRevision = present?.createRevision ?? keys.nextRevision();
  keys.leader = { watchdog: user.watchdog, instance, untilMs: keys.expiryMs(), createRevision };
  return keys.leader;
}
