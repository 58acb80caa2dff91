import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { Ticket } from "./watchdog-haproxy.ts";
import type { WatchdogSite } from "./watchdog-site.ts";

const INTERVAL_MS = 50;

/**
 * Compares the record, HAProxy's map and the map on disk every 50 ms, and collects what must never occur: two regions with
 * a ticket, a ticket during a promotion, a ticket for a region that is not active, an epoch lower than before.
 */
export class SafetyWitness {
  readonly #site: WatchdogSite;
  readonly #violations: string[] = [];
  readonly #path: string[] = [];
  readonly #done: Promise<void>;
  #epoch = 0;
  #stopped = false;

  constructor(site: WatchdogSite) {
    this.#site = site;
    this.#done = this.#watch().catch((error: unknown) => {
      this.#violations.push(`the comparison failed: ${error}`);
    });
  }

  /** Ends the comparison. `path`: the phases that the record went through, such as "1 serving gra". */
  async stop(): Promise<{ readonly violations: readonly string[]; readonly path: readonly string[] }> {
    this.#stopped = true;
    await this.#done;
    return { violations: this.#violations, path: this.#path };
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      await this.#check();
      await delay(INTERVAL_MS);
    }
    // The last state counts as well.
    await this.#check();
  }

  async #check(): Promise<void> {
    const before = await this.#record();
    const tickets = await this.#tickets();
    const after = await this.#record();
    if (before !== null && after !== null) this.#judge(before, tickets, after);
  }

  /** Tickets that are valid now, in HAProxy or in the file that it would start from. */
  async #tickets(): Promise<readonly Ticket[]> {
    const [inHaproxy, onDisk] = [
      await this.#site.tickets(),
      parseFile(await readFile(this.#site.ticketMapFile, "utf8")),
    ];
    const nowMs = Date.now();
    return [...inHaproxy, ...onDisk].filter(({ validUntilMs }) => validUntilMs > nowMs);
  }

  /** null while the store has none. */
  #record(): Promise<StateRecord | null> {
    return this.#site.record().catch(() => null);
  }

  #judge(before: StateRecord, tickets: readonly Ticket[], after: StateRecord): void {
    for (const record of [before, after]) this.#follow(record);
    const open = [...new Set(tickets.map(({ region }) => region))];
    const seen = `${open.join(" and ")} had a ticket in epoch ${before.epoch}, ${before.phase}`;
    if (open.length > 1) this.#violations.push(seen);
    // Between two different records a ticket may belong to either.
    if (before.phase !== after.phase || before.epoch !== after.epoch) return;
    if (before.phase === "promoting" && open.length > 0) this.#violations.push(seen);
    if (before.phase === "serving" && open.some((region) => region !== before.active)) this.#violations.push(seen);
  }

  #follow(record: StateRecord): void {
    if (record.epoch < this.#epoch) this.#violations.push(`epoch ${record.epoch} after epoch ${this.#epoch}`);
    this.#epoch = Math.max(this.#epoch, record.epoch);
    const where = record.phase === "serving" ? record.active : `${record.from} to ${record.to}`;
    const stage = `${record.epoch} ${record.phase} ${where}`;
    if (this.#path.at(-1) !== stage) this.#path.push(stage);
  }
}

function parseFile(text: string): readonly Ticket[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "))
    .map(([region = "", validUntilMs]) => ({ region, validUntilMs: Number(validUntilMs) }));
}
