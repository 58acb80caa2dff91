import type { NotificationSettings } from "../config/notifications.ts";
import { type Board, entryOf, isOpen, received, withEvents } from "../core/notifications/board.ts";
import type { Notification } from "../core/notifications/event.ts";
import { notice, noticeUndecided } from "../core/notifications/notice.ts";
import type { Present, View } from "../core/notifications/view.ts";
import type { Readiness } from "../core/readiness.ts";
import type { Leadership } from "../core/state/observations.ts";
import type { Clock } from "../util/clock.ts";
import { Outbox, type OutboxParts } from "./outbox.ts";
import type { NotificationsReport } from "./report.ts";
import type { SpoolItem } from "./spool.ts";
import { wants } from "./targets/target.ts";

/** From then on another watchdog than the controller tries, too: the controller's site may have no way to the target. */
const HELP_AFTER_MS = 300_000;

/** The rules are asked at most this often what they would do: with thousands of indices an answer takes a while. */
const READINESS_INTERVAL_MS = 15_000;

/** What the courier needs to know of its watchdog. */
export interface Watched {
  readonly record: Present["record"];
  readonly ruling: Present["ruling"];
  readonly leadership: Pick<Leadership, "leading" | "leader">;
  /** Whether its self-check succeeds. */
  readonly isTrusted: boolean;
}

export interface CourierParts extends Omit<OutboxParts, "retryForMs"> {
  readonly settings: NotificationSettings;
  readonly watched: () => Watched;
  readonly readiness: () => Readiness | null;
  readonly clock: Pick<Clock, "nowMs" | "monotonicMs">;
}

/**
 * Notices events and sends messages about them, together with the couriers of the other watchdogs. The board has every event
 * with the targets that lack it. The controller puts events there and sends them; the next controller sends what is left, and
 * after a while any watchdog does.
 */
export class Courier {
  readonly #parts: CourierParts;
  readonly #outbox: Outbox;
  #readiness: { readonly value: Readiness | null; readonly atMs: number } | null = null;
  /** The readiness that was noticed without the store; null while it answers. */
  #alone: View["readiness"] | null = null;

  constructor(parts: CourierParts) {
    this.#parts = parts;
    this.#outbox = new Outbox({ ...parts, retryForMs: parts.settings.retryForMs });
  }

  report(): NotificationsReport {
    return this.#outbox.report();
  }

  /** Returns when no message is on its way. */
  idle(): Promise<void> {
    return this.#outbox.idle();
  }

  /** Notices, takes over what is to be sent, and begins to send it. */
  async round(): Promise<void> {
    const { board } = this.#parts;
    if ((await board.read()) === null) await this.#noticeAlone();
    else {
      await this.#publishAlone();
      await this.#notice();
      await this.#settle(board.last);
      await this.#adopt(board.last);
    }
    this.#outbox.begin();
  }

  async #notice(): Promise<void> {
    const { board, settings, watched } = this.#parts;
    const { record, ruling, leadership, isTrusted } = watched();
    if (!leadership.leading && leadership.leader !== null) return;
    if (leadership.leading && !isTrusted) return;
    const readiness = leadership.leading ? this.#currentReadiness() : null;
    const present = { ...this.#present(), record, ruling, readiness };
    await board.update((known) => {
      const { view, events } = leadership.leading
        ? notice(known.view, present, settings)
        : noticeUndecided(known.view, { ...present, readiness: NO_CONTROLLER }, settings);
      if (events.length === 0 && JSON.stringify(view) === JSON.stringify(known.view)) return null;
      return withEvents(known, view, events, (event) => this.#targetsOf(event));
    });
  }

  /** While the store is away nothing is decided: each watchdog tells of that for itself, under the same id. */
  async #noticeAlone(): Promise<void> {
    const { board, settings, watched, spool } = this.#parts;
    const { record } = watched();
    const readiness = { ready: false, explanation: `the store does not answer, so nothing is decided: ${board.error}` };
    const present = { ...this.#present(), record, ruling: null, readiness };
    const known = { ...(board.last.view ?? noticeUndecided(null, present, settings).view) };
    const { view, events } = noticeUndecided(
      { ...known, readiness: this.#alone ?? known.readiness },
      present,
      settings,
    );
    this.#alone = view.readiness;
    for (const event of events) await spool.put(this.#itemOf(event, this.#targetsOf(event), view.readiness));
  }

  /** What was noticed without the store is put on the board, unless another watchdog has done so. */
  async #publishAlone(): Promise<void> {
    const { board, spool } = this.#parts;
    this.#alone = null;
    for (const item of spool.items()) {
      const { alone, event, targets } = item;
      if (alone === null) continue;
      const lacking = Object.keys(targets).filter((name) => targets[name]?.isSent === false);
      const outcome = await board.update((known) => {
        if (known.view === null || entryOf(known, event.id) !== null) return null;
        const isNext = known.view.readiness.ready && alone.sinceMs > known.view.readiness.sinceMs;
        return withEvents(known, isNext ? { ...known.view, readiness: alone } : known.view, [event], () => lacking);
      });
      if (outcome !== "away") await spool.change(event.id, (present) => ({ ...present, alone: null }));
    }
  }

  /** Forgets what the targets have, by whichever watchdog; and tells the board what this one sent while it was away. */
  async #settle(seen: Board): Promise<void> {
    const { board, spool } = this.#parts;
    for (const { event, targets, alone } of spool.items()) {
      if (alone !== null) continue;
      const { id } = event;
      for (const [name, { isSent }] of Object.entries(targets)) {
        const isDone =
          !this.#targetsOf(event).includes(name) ||
          !isOpen(seen, id, name) ||
          (isSent && (await board.update((known) => received(known, id, name))) !== "away");
        if (isDone) await spool.change(id, (item) => ({ ...item, targets: without(item.targets, name) }));
      }
    }
  }

  /** Takes what is on the board and open into the spool. */
  async #adopt({ entries }: Board): Promise<void> {
    const { spool, clock, settings, watched } = this.#parts;
    const { leading } = watched().leadership;
    for (const { event, open } of entries) {
      const ageMs = clock.nowMs() - event.atMs;
      if (spool.get(event.id) !== null || ageMs > settings.retryForMs || (!leading && ageMs < HELP_AFTER_MS)) continue;
      const own = this.#targetsOf(event).filter((name) => Object.hasOwn(open, name));
      if (own.length > 0) await spool.put(this.#itemOf(event, own, null));
    }
  }

  #itemOf(event: Notification, targets: readonly string[], alone: SpoolItem["alone"]): SpoolItem {
    const open = { attempts: 0, nextAttemptAtMs: 0, error: null, isSent: false };
    return { event, alone, targets: Object.fromEntries(targets.map((name) => [name, open])) };
  }

  #targetsOf(event: Notification): readonly string[] {
    return this.#parts.targets.flatMap(({ settings }) => (wants(settings, event) ? [settings.name] : []));
  }

  #present(): Pick<Present, "nowMs" | "watchdog"> {
    return { nowMs: this.#parts.clock.nowMs(), watchdog: this.#parts.watchdog };
  }

  #currentReadiness(): Readiness | null {
    const { clock, readiness, settings } = this.#parts;
    const intervalMs = Math.min(READINESS_INTERVAL_MS, settings.notReadyAfterMs / 4, settings.readyAfterMs / 4);
    const nowMs = clock.monotonicMs();
    if (this.#readiness === null || nowMs - this.#readiness.atMs >= intervalMs) {
      this.#readiness = { value: readiness(), atMs: nowMs };
    }
    return this.#readiness.value;
  }
}

const NO_CONTROLLER: Readiness = { ready: false, explanation: "no watchdog is the controller, so nothing is decided" };

const without = (targets: SpoolItem["targets"], name: string): SpoolItem["targets"] =>
  Object.fromEntries(Object.entries(targets).filter(([other]) => other !== name));
