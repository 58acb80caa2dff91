import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { EndpointState } from "../../../watchdog/core/endpoint-state.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { EndpointClient } from "./endpoint-client.ts";
import type { Ticket } from "./watchdog-haproxy.ts";
import type { WatchdogSite } from "./watchdog-site.ts";

const INTERVAL_MS = 50;
/** A watchdog that is stopped ends a long poll; this bounds one of a watchdog that lives. */
const LONG_POLL_MS = 1_000;

/**
 * Compares the record, HAProxy's map, the map on disk and the answer of the endpoint service every 50 ms, and collects what
 * must never occur: two regions with a ticket, a ticket during a promotion, a ticket for a region that is not active, an epoch
 * lower than before; an answer that names such a region, or an epoch lower than before.
 */
export class SafetyWitness {
  readonly #site: WatchdogSite;
  readonly #violations: string[] = [];
  readonly #path: string[] = [];
  readonly #asking: EndpointClient;
  readonly #waiting: EndpointClient;
  readonly #done: Promise<unknown>;
  #epoch = 0;
  #stopped = false;

  constructor(site: WatchdogSite) {
    this.#site = site;
    [this.#asking, this.#waiting] = [new EndpointClient(site.endpointUrl), new EndpointClient(site.endpointUrl)];
    this.#done = Promise.all([this.#watch(), this.#poll()]).catch((error: unknown) => {
      this.#violations.push(`the comparison failed: ${error}`);
    });
  }

  /**
   * Ends the comparison. `path`: the phases that the record went through, such as "1 serving gra"; `named`: the regions that
   * the answers named, such as "1 gra".
   */
  async stop(): Promise<Record<"violations" | "path" | "named", readonly string[]>> {
    this.#stopped = true;
    await this.#done;
    const violations = [this.#violations, this.#asking.violations, this.#waiting.violations].flat();
    return { violations, path: this.#path, named: this.#asking.named };
  }

  /** As an application that learns of a change at once. */
  async #poll(): Promise<void> {
    while (!this.#stopped) {
      const answer = await this.#waiting.wait(LONG_POLL_MS);
      if (answer === null || answer.phase === "unknown") await delay(INTERVAL_MS);
    }
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
    const answer = await this.#asking.ask();
    const after = await this.#record();
    if (before !== null && after !== null) this.#judge(before, tickets, answer, after);
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

  #judge(before: StateRecord, tickets: readonly Ticket[], answer: EndpointState | null, after: StateRecord): void {
    for (const record of [before, after]) this.#follow(record);
    const open = [...new Set(tickets.map(({ region }) => region))];
    const seen = `${open.join(" and ")} had a ticket in epoch ${before.epoch}, ${before.phase}`;
    if (open.length > 1) this.#violations.push(seen);
    // Between two different records a ticket may belong to either.
    if (before.phase !== after.phase || before.epoch !== after.epoch) return;
    if (before.phase === "promoting" && open.length > 0) this.#violations.push(seen);
    if (before.phase === "serving" && open.some((region) => region !== before.active)) this.#violations.push(seen);
    if (answer?.phase !== "serving" || before.phase === "closing") return;
    if (before.phase === "promoting" || answer.region !== before.active) {
      this.#violations.push(`${answer.region} was named in epoch ${before.epoch}, ${before.phase}`);
    }
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
