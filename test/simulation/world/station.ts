import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import type { Watchdog } from "../../../watchdog/controller/watchdog.ts";
import type { RecordCopy } from "../../../watchdog/core/ports/store.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { isRegion, type Site } from "./layout.ts";
import { Host, type Process } from "./process.ts";
import { SimRouter } from "./router.ts";
import { SimSalvage } from "./salvage.ts";
import type { World } from "./world.ts";

/** A host with a watchdog, and in a region a HAProxy beside it. */
export class Station {
  readonly site: Site;
  readonly config: WatchdogConfig;
  readonly host: Host;
  readonly router: SimRouter | null;
  readonly #world: World;
  #copy: StateRecord | null = null;
  salvage: SimSalvage;
  process: Process | null = null;
  watchdog: Watchdog | null = null;
  /** Its power is off: it cannot start a watchdog. */
  isOff = false;
  /** Until then a clock that was set back may be unnoticed: a second fault of this host has to wait. */
  clockUnsettledUntilMs = 0;

  constructor(world: World, site: Site, config: WatchdogConfig) {
    this.#world = world;
    this.site = site;
    this.config = config;
    this.host = new Host(world);
    this.router = isRegion(site) ? new SimRouter(world, this.host) : null;
    this.salvage = new SimSalvage(world);
  }

  /** The copy of the record on the disk of this host. */
  recordCopy(process: Process): RecordCopy {
    const atOnce = { effectMs: 0, answerMs: 0 };
    return {
      read: () => process.call(atOnce, () => this.#copy),
      write: (record) =>
        process.call(atOnce, () => {
          this.#copy = record;
        }),
    };
  }

  /** The watchdog continues on another host, which has none of the exports. */
  loseSalvage(): void {
    this.salvage = new SimSalvage(this.#world);
  }
}
