import type { EndpointFileSettings } from "../../../config/applications.ts";
import type { ServingState } from "../../../core/endpoint-state.ts";
import type { Clock } from "../../../util/clock.ts";
import { messageOf } from "../../../util/errors.ts";
import type { Logger } from "../../../util/logger.ts";
import { env } from "../../formats/env.ts";
import type { EndpointFormat, FileEndpoint, FoundEndpoint } from "../../formats/format.ts";
import { ini } from "../../formats/ini.ts";
import { json } from "../../formats/json.ts";
import { notify } from "../notify/notifier.ts";
import { ChangedMeanwhile, readSeen, replaceFile } from "../replace-file.ts";
import type { PendingNotifications } from "./pending.ts";
import { HigherEpoch, type Outcome, type PublishableState, type Target } from "./target.ts";

const formats: Readonly<Record<EndpointFileSettings["format"], EndpointFormat>> = { ini, env, json };

/** Somebody who changes a file again and again is left to finish. */
const MAX_ATTEMPTS = 5;

export interface FileTargetParts {
  readonly settings: EndpointFileSettings;
  readonly notifications: PendingNotifications;
  readonly splayMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** A file that an application reads, and the application. */
export class FileTarget implements Target {
  readonly name: string;
  readonly #parts: FileTargetParts;
  /** What this publisher wrote last: anything else was somebody else's doing. */
  #written: FoundEndpoint | null = null;

  constructor(parts: FileTargetParts) {
    this.name = parts.settings.path;
    this.#parts = parts;
  }

  /** While nobody may be written to, a file goes on naming the region before: an application cannot be served anyway. */
  async publish(state: PublishableState, isCurrent: () => boolean): Promise<Outcome> {
    const { notifications } = this.#parts;
    if (state.phase !== "serving") {
      return this.#outcome(`epoch ${state.epoch} is ${state.phase}: written once a region serves again`);
    }
    const { caPath } = this.#parts.settings;
    const endpoint: FileEndpoint = caPath === null ? state : { ...state, caPath };
    const warnings = await this.#bringUpToDate(endpoint);
    if (!notifications.isPending(this.name, state)) return this.#outcome(wordsOf(state), { warnings });
    await this.#splay();
    if (!isCurrent()) return this.#outcome("overtaken by a newer epoch", { waitingFor: "the newer epoch" });
    const result = await notify(this.#parts.settings.notify, this.name, endpoint);
    if (!result.notified) return this.#outcome(wordsOf(state), { waitingFor: result.waitingFor, warnings });
    await notifications.markNotified(this.name, state);
    const { log, settings } = this.#parts;
    if (settings.notify.kind !== "none") {
      log.info({ event: "told", file: this.name, epoch: state.epoch }, `${this.name}: the application has been told`);
    }
    return this.#outcome(wordsOf(state), { warnings });
  }

  /** Returns warnings. */
  async #bringUpToDate(endpoint: FileEndpoint): Promise<readonly string[]> {
    const { settings, notifications, log } = this.#parts;
    const format = formats[settings.format];
    for (let attempt = 1; ; attempt++) {
      const seen = await readSeen(settings.path);
      const { found, text, warnings } = this.#edited(format, seen.text, endpoint);
      if (found.epoch !== null && found.epoch > endpoint.epoch) {
        throw new HigherEpoch(this.name, found.epoch, endpoint.epoch);
      }
      if (text === seen.text && seen.stats !== null) {
        this.#written = found;
        return warnings;
      }
      try {
        // Owed from before the change on: a publisher that ends in between tells the application later.
        await notifications.markPending(this.name);
        const { backup, mode } = settings;
        await replaceFile(seen, text, { backup, newFileMode: Number.parseInt(mode, 8) });
      } catch (error) {
        if (error instanceof ChangedMeanwhile && attempt < MAX_ATTEMPTS) continue;
        throw error;
      }
      this.#sayWhatChanged(found, endpoint);
      this.#written = format.read(text);
      log.info(
        { event: "published", file: this.name, epoch: endpoint.epoch, region: endpoint.region },
        `${this.name}: ${wordsOf(endpoint)}`,
      );
      return warnings;
    }
  }

  #edited(format: EndpointFormat, text: string, endpoint: FileEndpoint) {
    try {
      const found = format.read(text);
      return { found, ...format.render(text, endpoint) };
    } catch (error) {
      const reason = messageOf(error);
      throw new Error(`${this.name} ${reason}: left as it is, mend it by hand`, { cause: error });
    }
  }

  #sayWhatChanged(found: FoundEndpoint, endpoint: FileEndpoint): void {
    const edited = this.#written !== null && JSON.stringify(found) !== JSON.stringify(this.#written);
    const contradicts = found.epoch === endpoint.epoch && found.region !== endpoint.region;
    if (!edited && !contradicts) return;
    const { host, port, region, epoch } = found;
    const said = `Host ${host ?? "none"}, Port ${port ?? "none"}, Region ${region ?? "none"}, Epoch ${epoch ?? "none"}`;
    this.#parts.log.warn(
      { event: "edited-by-hand", file: this.name },
      `${this.name} was edited by somebody else (${said}): set right again`,
    );
  }

  async #splay(): Promise<void> {
    const { splayMs, clock, signal, settings } = this.#parts;
    if (splayMs > 0 && settings.notify.kind !== "none") await clock.sleep(Math.random() * splayMs, signal);
  }

  #outcome(summary: string, more: Partial<Pick<Outcome, "waitingFor" | "warnings">> = {}): Outcome {
    const usedEpoch = this.#parts.notifications.last(this.name)?.epoch ?? null;
    return { summary, usedEpoch, waitingFor: null, warnings: [], ...more };
  }
}

const wordsOf = ({ region, host, port, epoch }: Omit<ServingState, "phase">) =>
  `${region} at ${host}:${port}, epoch ${epoch}`;
