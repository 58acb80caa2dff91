import {
  answerFailsafe,
  blockerBeforeAsking,
  blockerInAnswers,
  type FailsafeAnswer,
  type FailsafeQuestion,
  otherMembers,
  type PeerAnswer,
} from "../../core/failsafe.ts";
import type { ServingRecord } from "../../core/state/record.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import type { FailsafeReport } from "../status.ts";

/** Obtains failsafe grants from the other watchdogs, and gives them, while the store cannot be reached. */
export class Failsafe {
  readonly #context: WatchdogContext;
  #lastAskedAtMs: number | null = null;
  #blocker: string | null = null;
  #answers: readonly PeerAnswer[] = [];

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  report(): FailsafeReport {
    const { observed, clock } = this.#context;
    return {
      lastAskedAtMs: this.#lastAskedAtMs,
      fault: this.#blocker,
      answers: this.#answers.map(({ watchdog, answer, error }) => ({
        watchdog,
        agrees: answer?.agrees ?? false,
        reason: answer === null ? error : answer.agrees ? null : answer.reason,
      })),
      promisedForMs: observed.failsafeGrantForMs(clock.monotonicMs()),
    };
  }

  /** Answers another watchdog. A grant binds this one: it promotes nothing until the grant has expired. */
  answer(question: FailsafeQuestion): FailsafeAnswer {
    const { observed, config, log } = this.#context;
    const newest = observed.newest();
    const answer = answerFailsafe(question, { name: config.name, newest, leaseTtlMs: config.leases.ttlMs });
    if (answer.agrees) this.#bind();
    const { watchdog: by, epoch } = question;
    const outcome = answer.agrees ? "granted" : `refused: ${answer.reason}`;
    log.debug({ event: "failsafe-asked", by, epoch, agrees: answer.agrees }, `failsafe for ${by}: ${outcome}`);
    return answer;
  }

  /** The record under which the router may continue, or why it may not. A request binds as a grant does. */
  async ask(): Promise<{ readonly record: ServingRecord } | { readonly blocker: string }> {
    const { observed, config, clock } = this.#context;
    const record = observed.newest();
    this.#lastAskedAtMs = clock.nowMs();
    this.#answers = [];
    const before = blockerBeforeAsking(record, config.name, this.#activeBlocker());
    if (record?.phase !== "serving" || before !== null) return this.#blocked(before ?? "no record is known");
    this.#bind();
    this.#answers = await Promise.all(
      otherMembers(record, config.name).map(({ name, failsafeUrl }) => this.#askPeer(name, failsafeUrl, record.epoch)),
    );
    const blocker = blockerInAnswers(record, config.name, this.#answers);
    if (blocker !== null) return this.#blocked(blocker);
    this.#blocker = null;
    return { record };
  }

  async #askPeer(name: string, failsafeUrl: string | null, epoch: number): Promise<PeerAnswer> {
    const { peers, config } = this.#context;
    if (peers === null || failsafeUrl === null) return { watchdog: name, answer: null, error: "no address is known" };
    try {
      const question = { watchdog: config.name, epoch, validForMs: config.leases.ttlMs };
      return { watchdog: name, answer: await peers.ask(failsafeUrl, question), error: null };
    } catch (error) {
      return { watchdog: name, answer: null, error: messageOf(error) };
    }
  }

  #activeBlocker(): string | null {
    const { observed } = this.#context;
    const record = observed.newest();
    if (record?.phase !== "serving" || observed.lastProbeWasGood(record.active)) return null;
    return `${record.active} is not well: ${observed.healthOf(record.active).reason}`;
  }

  #bind(): void {
    const { observed, clock, config } = this.#context;
    observed.extendFailsafeGrant(clock.monotonicMs() + config.leases.ttlMs);
  }

  #blocked(blocker: string): { readonly blocker: string } {
    this.#blocker = blocker;
    return { blocker };
  }
}
