/**
 * A watchdog in its own process that only campaigns and, while it leads, writes the record as fast as it can: for a test
 * that freezes it. The IPC channel carries its settings, and the outcome of each campaign.
 */
import process from "node:process";
import { systemClock } from "../../../watchdog/adapters/clock.ts";
import { EtcdClient, type EtcdClientOptions } from "../../../watchdog/adapters/etcd/client.ts";
import { EtcdCoordination } from "../../../watchdog/adapters/etcd/coordination.ts";
import { etcdStore } from "../../../watchdog/adapters/etcd/store.ts";
import { historyEntry, stateRecord } from "./state-record.ts";

export interface CampaignerSettings {
  readonly connection: Pick<EtcdClientOptions, "endpoints" | "tls" | "credentials">;
  readonly watchdog: string;
  readonly prefix: string;
  readonly leaseTtlMs: number;
}

process.once("message", (settings: CampaignerSettings) => void campaign(settings));
process.once("disconnect", () => process.exit(0));

async function campaign({ connection, watchdog, prefix, leaseTtlMs }: CampaignerSettings): Promise<void> {
  const clock = systemClock;
  const client = new EtcdClient({ ...connection, clock });
  const coordination = new EtcdCoordination({ client, clock, watchdog, prefix, leaseTtlMs });
  const fence = () => coordination.leadershipToken();
  const store = etcdStore({ client, clock, prefix, leaseTtlMs, fence });
  for (;;) {
    try {
      const outcome = await coordination.campaign();
      process.send?.(outcome);
      if (outcome.leading) {
        const current = await store.read();
        const epoch = (current?.record.epoch ?? 0) + 1;
        await store.write(stateRecord(epoch), current?.revision ?? null, historyEntry(epoch, watchdog));
      }
    } catch (error) {
      process.send?.({ error: String(error) });
    }
    await clock.sleep(20);
  }
}
