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

/** Asks the other watchdogs, and answers them, while the store cannot be reached. */
export class Failsafe {
  readonly #context: WatchdogContext;
  #lastAskedAtMs: number | null = null;
  #fault: string | null = null;
  #heard: readonly PeerAnswer[] = [];

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  report(): FailsafeReport {
    const { observed, clock } = this.#context;
    return {
      lastAskedAtMs: this.#lastAskedAtMs,
      fault: this.#fault,
      answers: this.#heard.map(({ watchdog, answer, error }) => ({
        watchdog,
        agrees: answer?.agrees ?? false,
        reason: answer === null ? error : answer.agrees ? null : answer.reason,
      })),
      promisedForMs: observed.failsafeGrantForMs(clock.monotonicMs()),
    };
  }

  /** Answers another watchdog. Agreeing binds this one: it promotes nothing until its word has run out. */
  answer(question: FailsafeQuestion): FailsafeAnswer {
    const { observed, config, log } = this.#context;
    const newest = observed.newest();
    const answer = answerFailsafe(question, { name: config.name, newest, leaseTtlMs: config.leases.ttlMs });
    if (answer.agrees) this.#promise();
    log.debug(
      { event: "failsafe-asked", by: question.watchdog, epoch: question.epoch, agrees: answer.agrees },
      "asked",
    );
    return answer;
  }

  /** The record under which the router may go on, or why it may not. Asking binds as answering does. */
  async ask(): Promise<{ readonly record: ServingRecord } | { readonly fault: string }> {
    const { observed, config, clock } = this.#context;
    const record = observed.newest();
    this.#lastAskedAtMs = clock.nowMs();
    this.#heard = [];
    const before = blockerBeforeAsking(record, config.name, this.#activeFault());
    if (record?.phase !== "serving" || before !== null) return this.#refused(before ?? "no record is known");
    const others = otherMembers(record, config.name);
    this.#promise();
    this.#heard = await Promise.all(others.map(({ name, failsafeUrl }) => this.#hear(name, failsafeUrl, record.epoch)));
    const fault = blockerInAnswers(record, config.name, this.#heard);
    if (fault !== null) return this.#refused(fault);
    this.#fault = null;
    return { record };
  }

  async #hear(name: string, failsafeUrl: string | null, epoch: number): Promise<PeerAnswer> {
    const { peers, config } = this.#context;
    if (peers === null || failsafeUrl === null) return { watchdog: name, answer: null, error: "no address is known" };
    try {
      const question = { watchdog: config.name, epoch, validForMs: config.leases.ttlMs };
      return { watchdog: name, answer: await peers.ask(failsafeUrl, question), error: null };
    } catch (error) {
      return { watchdog: name, answer: null, error: messageOf(error) };
    }
  }

  #activeFault(): string | null {
    const { observed } = this.#context;
    const record = observed.newest();
    if (record?.phase !== "serving" || observed.lastProbeWasGood(record.active)) return null;
    return `${record.active} is not well: ${observed.healthOf(record.active).reason}`;
  }

  #promise(): void {
    const { observed, clock, config } = this.#context;
    observed.extendFailsafeGrant(clock.monotonicMs() + config.leases.ttlMs);
  }

  #refused(fault: string): { readonly fault: string } {
    this.#fault = fault;
    return { fault };
  }
}
