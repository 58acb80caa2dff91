import { claimed, received, released } from "../core/notifications/board.ts";
import type { Notification } from "../core/notifications/event.ts";
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import type { Logger } from "../util/logger.ts";
import { backoffMs } from "./backoff.ts";
import type { NotificationsReport } from "./report.ts";
import type { SharedBoard } from "./shared-board.ts";
import type { Spool, SpooledTarget, SpoolItem } from "./spool.ts";
import type { Target } from "./targets/target.ts";

/** A claim outlasts the attempt by this, for the writes around it. */
const CLAIM_MARGIN_MS = 30_000;

export interface OutboxParts {
  readonly watchdog: string;
  readonly targets: readonly Target[];
  readonly spool: Spool;
  readonly board: SharedBoard;
  /** From then on messages are sent without a claim: silence is worse than a repetition. */
  readonly aloneAfterMs: number;
  readonly retryForMs: number;
  readonly clock: Pick<Clock, "nowMs">;
  readonly random: () => number;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Account {
  delivered: number;
  failed: number;
  givenUp: number;
  lastDeliveredAtMs: number | null;
  error: string | null;
}

/** Sends what is in the spool: to each target one message at a time, the oldest first. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #accounts: ReadonlyMap<string, Account>;
  /** What is under way, by target. */
  readonly #sending = new Map<string, Promise<void>>();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    const account = () => ({ delivered: 0, failed: 0, givenUp: 0, lastDeliveredAtMs: null, error: null });
    this.#accounts = new Map(parts.targets.map(({ settings }) => [settings.name, account()]));
  }

  /** Begins what is due, and returns without waiting for it. */
  begin(): void {
    for (const target of this.#parts.targets) {
      const { name } = target.settings;
      if (this.#sending.has(name)) continue;
      this.#sending.set(
        name,
        this.#sendNext(target).finally(() => this.#sending.delete(name)),
      );
    }
  }

  /** Returns when nothing is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#sending.values());
  }

  report(): NotificationsReport {
    const targets = this.#parts.targets.map(({ settings: { name, kind } }) => {
      const waiting = this.#parts.spool.items().filter(({ targets: open }) => open[name]?.isSent === false);
      const account = this.#accountOf(name);
      return { name, kind, ...account, pending: waiting.length, oldestPendingAtMs: waiting[0]?.event.atMs ?? null };
    });
    return { targets };
  }

  async #sendNext(target: Target): Promise<void> {
    const { name } = target.settings;
    const { spool, clock, log } = this.#parts;
    const nowMs = clock.nowMs();
    const due = spool.items().find(({ targets }) => {
      const open = targets[name];
      return open !== undefined && !open.isSent && open.nextAttemptAtMs <= nowMs;
    });
    if (due === undefined) return;
    try {
      await this.#attempt(target, due);
    } catch (error) {
      log.warn({ event: "notification-error", target: name }, messageOf(error));
    }
  }

  async #attempt(target: Target, { event }: SpoolItem): Promise<void> {
    const { clock, retryForMs, signal } = this.#parts;
    const { name } = target.settings;
    if (clock.nowMs() - event.atMs > retryForMs) return this.#giveUp(name, event);
    if (!(await this.#mayBegin(target, event))) return;
    try {
      await target.send(event, signal);
    } catch (error) {
      if (!signal.aborted) await this.#noteFailure(name, event, messageOf(error));
      return;
    }
    await this.#noteDelivery(name, event);
  }

  /** Only one watchdog sends a message at a time, and none that another one has delivered. */
  async #mayBegin({ settings: { name, timeoutMs } }: Target, { id }: Notification): Promise<boolean> {
    const { board, watchdog, clock, aloneAfterMs } = this.#parts;
    const claim = { id, target: name, by: watchdog, forMs: timeoutMs + CLAIM_MARGIN_MS };
    const outcome = await board.update((present) => claimed(present, { ...claim, nowMs: clock.nowMs() }));
    return outcome === "written" || (outcome === "away" && board.awayForMs >= aloneAfterMs);
  }

  async #noteDelivery(name: string, event: Notification): Promise<void> {
    const { spool, board, clock, log } = this.#parts;
    const account = this.#accountOf(name);
    Object.assign(account, { delivered: account.delivered + 1, lastDeliveredAtMs: clock.nowMs(), error: null });
    log.info({ event: "notification", target: name, id: event.id }, `sent to ${name}: ${event.title}`);
    await this.#change(event.id, name, (open) => ({ ...open, isSent: true, error: null }));
    const outcome = await board.update((present) => received(present, event.id, name));
    const item = spool.get(event.id);
    // Else a later round tells the board.
    if (outcome !== "away" && item?.alone === null) await this.#change(event.id, name, () => null);
  }

  async #noteFailure(name: string, event: Notification, error: string): Promise<void> {
    const { board, clock, log, random, watchdog } = this.#parts;
    const account = this.#accountOf(name);
    const level = account.error === error ? "debug" : "warn";
    Object.assign(account, { failed: account.failed + 1, error });
    log[level]({ event: "notification-failed", target: name, id: event.id }, `not sent to ${name}: ${error}`);
    await this.#change(event.id, name, (open) => {
      const attempts = open.attempts + 1;
      return { ...open, attempts, error, nextAttemptAtMs: clock.nowMs() + backoffMs(attempts, random) };
    });
    await board.update((present) => released(present, { id: event.id, target: name, by: watchdog }));
  }

  async #giveUp(name: string, event: Notification): Promise<void> {
    this.#accountOf(name).givenUp += 1;
    this.#parts.log.error(
      { event: "notification-given-up", target: name, id: event.id },
      `given up, never sent to ${name}: ${event.title}`,
    );
    await this.#change(event.id, name, () => null);
  }

  /** @param change gives null to forget the target */
  #change(id: string, name: string, change: (open: SpooledTarget) => SpooledTarget | null): Promise<void> {
    return this.#parts.spool.change(id, (item) => {
      const { [name]: open, ...others } = item.targets;
      const next = open === undefined ? null : change(open);
      return { ...item, targets: next === null ? others : { ...others, [name]: next } };
    });
  }

  #accountOf(name: string): Account {
    const account = this.#accounts.get(name);
    if (account === undefined) throw new Error(`there is no target ${name}`);
    return account;
  }
}
