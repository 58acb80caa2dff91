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
import { ChangedConcurrently, readCurrent, replaceFile } from "../replace-file.ts";
import type { PendingNotifications } from "./pending.ts";
import { HigherEpoch, type Outcome, type PublishableState, type Target } from "./target.ts";

const formats: Readonly<Record<EndpointFileSettings["format"], EndpointFormat>> = { ini, env, json };

/** Another program that keeps changing the file is left to finish. */
const MAX_ATTEMPTS = 5;

export interface FileTargetParts {
  readonly settings: EndpointFileSettings;
  readonly notifications: PendingNotifications;
  readonly splayMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** A file that an application reads, and the notification of the application. */
export class FileTarget implements Target {
  readonly name: string;
  readonly #parts: FileTargetParts;
  /** What this publisher wrote last: any other content is an edit by another program or person. */
  #written: FoundEndpoint | null = null;

  constructor(parts: FileTargetParts) {
    this.name = parts.settings.path;
    this.#parts = parts;
  }

  /** While no region serves, the file keeps naming the previous one. */
  async publish(state: PublishableState, isCurrent: () => boolean): Promise<Outcome> {
    const { notifications } = this.#parts;
    if (state.phase !== "serving") {
      return this.#outcome(`epoch ${state.epoch} is ${state.phase}: the file is written once a region serves again`);
    }
    const { caPath } = this.#parts.settings;
    const endpoint: FileEndpoint = caPath === null ? state : { ...state, caPath };
    const warnings = await this.#update(endpoint);
    if (!notifications.isPending(this.name, state)) return this.#outcome(describe(state), { warnings });
    await this.#splay();
    if (!isCurrent()) return this.#outcome("superseded by a newer epoch", { waitingFor: "the newer epoch" });
    const result = await notify(this.#parts.settings.notify, this.name, endpoint);
    if (!result.notified) return this.#outcome(describe(state), { waitingFor: result.waitingFor, warnings });
    await notifications.markNotified(this.name, state);
    const { log, settings } = this.#parts;
    if (settings.notify.kind !== "none") {
      log.info({ event: "notified", file: this.name, epoch: state.epoch }, `${this.name}: notified the application`);
    }
    return this.#outcome(describe(state), { warnings });
  }

  /** Returns warnings. */
  async #update(endpoint: FileEndpoint): Promise<readonly string[]> {
    const { settings, notifications, log } = this.#parts;
    const format = formats[settings.format];
    for (let attempt = 1; ; attempt++) {
      const current = await readCurrent(settings.path);
      const { found, text, warnings } = this.#edited(format, current.text, endpoint);
      if (found.epoch !== null && found.epoch > endpoint.epoch) {
        throw new HigherEpoch(this.name, found.epoch, endpoint.epoch);
      }
      if (text === current.text && current.stats !== null) {
        this.#written = found;
        return warnings;
      }
      try {
        // Before the change: a publisher that ends in between notifies the application later.
        await notifications.markPending(this.name);
        const { backup, mode } = settings;
        await replaceFile(current, text, { backup, newFileMode: Number.parseInt(mode, 8) });
      } catch (error) {
        if (error instanceof ChangedConcurrently && attempt < MAX_ATTEMPTS) continue;
        throw error;
      }
      this.#warnOfEdit(found, endpoint);
      this.#written = format.read(text);
      log.info(
        { event: "published", file: this.name, epoch: endpoint.epoch, region: endpoint.region },
        `${this.name}: ${describe(endpoint)}`,
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
      throw new Error(`${this.name} ${reason}: left unchanged, repair it by hand`, { cause: error });
    }
  }

  #warnOfEdit(found: FoundEndpoint, endpoint: FileEndpoint): void {
    const edited = this.#written !== null && JSON.stringify(found) !== JSON.stringify(this.#written);
    const conflicts = found.epoch === endpoint.epoch && found.region !== endpoint.region;
    if (!edited && !conflicts) return;
    const { host, port, region, epoch } = found;
    const content = `Host ${host ?? "none"}, Port ${port ?? "none"}, Region ${region ?? "none"}, Epoch ${epoch ?? "none"}`;
    this.#parts.log.warn(
      { event: "edited-by-hand", file: this.name },
      `${this.name} was edited by another program or person (${content}): restored the endpoint`,
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

const describe = ({ region, host, port, epoch }: Omit<ServingState, "phase">) =>
  `${region} at ${host}:${port}, epoch ${epoch}`;
