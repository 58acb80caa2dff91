import type { PublisherStatus } from "../../applications/publisher/publisher.ts";
import type { TargetReport } from "../../applications/publisher/reconciler.ts";
import { type EndpointState, hostPort } from "../../core/endpoint-state.ts";
import { duration, section } from "../../util/text.ts";

export function formatPublisherStatus(status: PublisherStatus): string {
  const { instance, nowMs, state, problem, sources, targets, acknowledgeError } = status;
  const problems = [
    ...(problem === null ? [] : [["endpoint", `${problem}: files and keys stay as they are`]]),
    ...(acknowledgeError === null ? [] : [["acknowledge", acknowledgeError]]),
  ];
  return [
    `${instance}  ${state === null ? "nothing received yet: files and keys stay as they are" : describe(state)}`,
    section("Problems", problems),
    section(
      "Sources",
      sources.map(({ name, state: answer, error, heardAtMs }) => {
        const age = heardAtMs === null ? "" : `answered ${duration(Math.max(0, nowMs - heardAtMs))} ago`;
        return [name, error ?? (answer === null ? "no answer yet" : describe(answer)), age];
      }),
    ),
    section(
      "Published to",
      targets.map((target) => [target.name, describeTarget(target, nowMs)]),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function describeTarget(target: TargetReport, nowMs: number): string {
  const { summary, error, failures, usedEpoch, notifiedEpoch, waitingFor, warnings, nextAttemptAtMs } = target;
  if (error !== null) {
    const retry = nextAttemptAtMs === null ? "" : `, retry in ${duration(Math.max(0, nextAttemptAtMs - nowMs))}`;
    return `FAILED ${failures} times in a row${retry}: ${error}`;
  }
  const waiting = waitingFor === null ? "" : `; application not notified yet: ${waitingFor}`;
  const used = usedEpoch === null ? "" : `; the application uses epoch ${usedEpoch}`;
  const notified = usedEpoch !== null || notifiedEpoch === null ? "" : `; notified of epoch ${notifiedEpoch}`;
  return [`${summary}${used}${notified}${waiting}`, ...warnings.map((warning) => `warning: ${warning}`)].join("; ");
}

function describe(state: EndpointState): string {
  const { phase, epoch } = state;
  if (phase === "serving") return `${state.region} serves at ${hostPort(state)}, epoch ${epoch}`;
  return phase === "unknown"
    ? `unknown (newest known epoch: ${epoch})`
    : `${phase}, epoch ${epoch}: no region accepts writes`;
}
