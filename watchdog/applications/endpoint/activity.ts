import { Tally } from "../../util/tally.ts";

export type EndpointRequest = "endpoint" | "long-poll" | "acknowledgement" | "role" | "unknown";

/** unavailable: 503, as no region serves or the role does not hold; gone: the client left before the answer. */
export type EndpointOutcome = "answered" | "unavailable" | "rejected" | "gone";

/** What the endpoint service was asked since the watchdog started. Counts only grow. */
export class EndpointActivity {
  readonly requests = new Tally<{ readonly request: EndpointRequest; readonly outcome: EndpointOutcome }>();
  /** Long polls that are held now. */
  held = 0;
}

/** Node marks an answer as destroyed also when it was sent. */
export function outcomeOf(answer: {
  readonly statusCode: number;
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
}): EndpointOutcome {
  const { statusCode, destroyed, writableFinished } = answer;
  if (destroyed && !writableFinished) return "gone";
  if (statusCode === 503) return "unavailable";
  return statusCode < 400 ? "answered" : "rejected";
}
