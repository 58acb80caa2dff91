import type { ServingState } from "../../../core/endpoint-state.ts";
import type { Clock } from "../../../util/clock.ts";
import { messageOf } from "../../../util/errors.ts";
import type { Logger } from "../../../util/logger.ts";
import type { FileEndpoint, FoundEndpoint } from "../../formats/format.ts";
import { notify } from "../notify/notifier.ts";
import { ChangedConcurrently, hasAttributes, type ReadFile, readCurrent, replaceFile } from "../replace-file.ts";
import type { PendingNotifications } from "./pending.ts";
import { type PublishedFile, validateFile } from "./published-file.ts";
import { HigherEpoch, type Outcome, type PublishableState, type Target } from "./target.ts";

/** Another program that keeps changing the file is left to finish. */
const MAX_ATTEMPTS = 5;

export interface FileTargetParts {
  readonly file: PublishedFile;
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
  #written: string | null = null;

  constructor(parts: FileTargetParts) {
    this.name = parts.file.path;
    this.#parts = parts;
  }

  /** While no region serves, the file keeps naming the previous one. */
  async publish(state: PublishableState, isCurrent: () => boolean): Promise<Outcome> {
    const { notifications } = this.#parts;
    if (state.phase !== "serving") {
      return this.#outcome(`epoch ${state.epoch} is ${state.phase}: the file is written once a region serves again`);
    }
    const { caPath } = this.#parts.file;
    const endpoint: FileEndpoint = caPath === null ? state : { ...state, caPath };
    const warnings = await this.#update(endpoint);
    if (!notifications.isPending(this.name, state)) return this.#outcome(describe(state), { warnings });
    await this.#splay();
    if (!isCurrent()) return this.#outcome("superseded by a newer epoch", { waitingFor: "the newer epoch" });
    const result = await notify(this.#parts.file.notify, this.name, endpoint);
    if (!result.notified) return this.#outcome(describe(state), { waitingFor: result.waitingFor, warnings });
    await notifications.markNotified(this.name, { ...state, confirmed: result.confirmed });
    const { log, file } = this.#parts;
    if (file.notify.kind !== "none") {
      log.info({ event: "notified", file: this.name, epoch: state.epoch }, `${this.name}: notified the application`);
    }
    return this.#outcome(describe(state), { warnings });
  }

  /** Returns warnings. */
  async #update(endpoint: FileEndpoint): Promise<readonly string[]> {
    const { file, log } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      const current = await readCurrent(file.path);
      const { text, warnings } = await this.#rendered(current.text, endpoint);
      this.#refuseOlder(current, endpoint);
      const attributes = await file.attributes(current);
      if (text === current.text && hasAttributes(current, attributes)) {
        this.#written = this.#essence(text);
        return warnings;
      }
      try {
        await this.#replace(current, text, endpoint);
      } catch (error) {
        if (error instanceof ChangedConcurrently && attempt < MAX_ATTEMPTS) continue;
        throw error;
      }
      this.#warnOfEdit(current.text, endpoint);
      this.#written = this.#essence(text);
      log.info(
        { event: "published", file: this.name, epoch: endpoint.epoch, region: endpoint.region },
        `${this.name}: ${describe(endpoint)}`,
      );
      return warnings;
    }
  }

  async #replace(current: ReadFile, text: string, endpoint: FileEndpoint): Promise<void> {
    const { file, notifications } = this.#parts;
    const { validate, backup } = file;
    // Before the change: a publisher that ends in between notifies the application later.
    await notifications.markPending(this.name);
    if (!file.content.hasEpoch) await notifications.markWritten(this.name, endpoint.epoch);
    await replaceFile(current, text, {
      ...{ backup, attributes: await file.attributes(current) },
      ...(validate !== null && {
        validate: (temporary) => validateFile(validate, { temporary, file: this.name, endpoint }),
      }),
    });
  }

  async #rendered(text: string, endpoint: FileEndpoint) {
    try {
      return await this.#parts.file.content.render(text, endpoint);
    } catch (error) {
      throw new Error(`${this.name} ${messageOf(error)}: left unchanged`, { cause: error });
    }
  }

  /** An older endpoint never replaces a newer one, also after a restart. */
  #refuseOlder({ text, stats }: ReadFile, { epoch }: FileEndpoint): void {
    const { file, notifications } = this.#parts;
    if (stats === null) return;
    const known = file.content.hasEpoch ? null : notifications.writtenEpoch(this.name);
    const found = file.content.read(text)?.epoch ?? known;
    if (found !== null && found > epoch) throw new HigherEpoch(this.name, found, epoch);
  }

  /** The part of a text by which an edit is recognized. */
  #essence(text: string): string {
    const found = this.#parts.file.content.read(text);
    return found === null ? text : JSON.stringify(found);
  }

  #warnOfEdit(before: string, endpoint: FileEndpoint): void {
    const found = this.#parts.file.content.read(before);
    const edited = this.#written !== null && this.#essence(before) !== this.#written;
    const conflicts = found?.epoch === endpoint.epoch && found.region !== endpoint.region;
    if (!edited && !conflicts) return;
    this.#parts.log.warn(
      { event: "edited-by-hand", file: this.name },
      `${this.name} was edited by another program or person${contentOf(found)}: restored the endpoint`,
    );
  }

  async #splay(): Promise<void> {
    const { splayMs, clock, signal, file } = this.#parts;
    if (splayMs > 0 && file.notify.kind !== "none") await clock.sleep(Math.random() * splayMs, signal);
  }

  #outcome(summary: string, more: Partial<Pick<Outcome, "waitingFor" | "warnings">> = {}): Outcome {
    const last = this.#parts.notifications.last(this.name);
    const notifiedEpoch = last?.epoch ?? null;
    const usedEpoch = last?.confirmed === true ? last.epoch : null;
    return { summary, usedEpoch, notifiedEpoch, waitingFor: null, warnings: [], ...more };
  }
}

const describe = ({ region, host, port, epoch }: Omit<ServingState, "phase">) =>
  `${region} at ${host}:${port}, epoch ${epoch}`;

function contentOf(found: FoundEndpoint | null): string {
  if (found === null) return "";
  const { host, port, region, epoch } = found;
  return ` (Host ${host ?? "none"}, Port ${port ?? "none"}, Region ${region ?? "none"}, Epoch ${epoch ?? "none"})`;
}
