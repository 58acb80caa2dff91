import type { PublisherStatus } from "../../applications/publisher/publisher.ts";
import type { TargetReport } from "../../applications/publisher/reconciler.ts";
import { type EndpointState, hostPort } from "../../core/endpoint-state.ts";
import { duration, section } from "../../util/text.ts";

export function formatPublisherStatus(status: PublisherStatus): string {
  const { instance, nowMs, state, problem, sources, targets, acknowledgeError } = status;
  const trouble = [
    ...(problem === null ? [] : [["endpoint", `${problem}: nothing is changed`]]),
    ...(acknowledgeError === null ? [] : [["acknowledge", acknowledgeError]]),
  ];
  return [
    `${instance}  ${state === null ? "nothing heard yet: files and keys stay as they are" : words(state)}`,
    section("Trouble", trouble),
    section(
      "Sources",
      sources.map(({ name, state: said, error, heardAtMs }) => {
        const heard = heardAtMs === null ? "" : `heard ${duration(Math.max(0, nowMs - heardAtMs))} ago`;
        return [name, error ?? (said === null ? "silent" : words(said)), heard];
      }),
    ),
    section(
      "Published to",
      targets.map((target) => [target.name, standing(target, nowMs)]),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function standing({ summary, error, failures, waitingFor, warnings, nextAttemptAtMs }: TargetReport, nowMs: number) {
  if (error !== null) {
    const again = nextAttemptAtMs === null ? "" : `, again in ${duration(Math.max(0, nextAttemptAtMs - nowMs))}`;
    return `FAILED ${failures} times in a row${again}: ${error}`;
  }
  const waiting = waitingFor === null ? "" : `; not told yet: ${waitingFor}`;
  return [`${summary}${waiting}`, ...warnings.map((warning) => `warning: ${warning}`)].join("; ");
}

function words(state: EndpointState): string {
  if (state.phase === "serving") return `${state.region} serves at ${hostPort(state)}, epoch ${state.epoch}`;
  return state.phase === "unknown"
    ? `cannot tell (newest epoch known: ${state.epoch})`
    : `${state.phase}, epoch ${state.epoch}: nobody may be written to`;
}
