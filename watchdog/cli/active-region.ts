import { askControlSocket, WatchdogNotRunning } from "../adapters/control-socket/client.ts";
import { readStore } from "../app/store.ts";
import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { controlApi } from "../controller/control-api/api.ts";
import type { ServingRecord, StateRecord } from "../core/state/record.ts";
import { otherRegion } from "../core/state/situation.ts";
import { Refused } from "../util/socket-api.ts";

export interface ServingState {
  readonly record: ServingRecord;
  readonly active: RegionName;
  readonly other: RegionName;
}

/**
 * The active region by the state document, which the running watchdog or else the store provides.
 *
 * @throws Refused when there is no state document, or a change is in progress
 */
export async function activeRegion(config: WatchdogConfig): Promise<ServingState> {
  return servingState(config, await currentRecord(config));
}

/** The same by a read of the store itself, for what cannot be taken back. */
export async function storedActiveRegion(config: WatchdogConfig): Promise<ServingState> {
  return servingState(config, await storedRecord(config));
}

function servingState(config: WatchdogConfig, record: StateRecord | null): ServingState {
  if (record === null) throw new Refused(["no region is active: the store holds no state document yet"]);
  if (record.phase !== "serving") {
    throw new Refused([
      `a change from ${record.from} to ${record.to} is in progress (${record.phase}): try again once it has finished`,
    ]);
  }
  return { record, active: record.active, other: otherRegion(config, record.active) };
}

async function currentRecord(config: WatchdogConfig): Promise<StateRecord | null> {
  try {
    return (await askControlSocket(config.controlSocket, controlApi.status, {})).record;
  } catch (error) {
    if (!(error instanceof WatchdogNotRunning)) throw error;
    return storedRecord(config);
  }
}

async function storedRecord(config: WatchdogConfig): Promise<StateRecord | null> {
  return (await readStore(config, (store) => store.read()))?.record ?? null;
}
