import { countsOf, gauge, labelled } from "../metric.ts";

/** Applications that acknowledge epochs to the endpoint service beside this watchdog, and what they ask it. */
export const applicationMetrics = [
  labelled(
    "applications",
    "Instances of applications; notified: it was notified of the epoch that serves and does not confirm its use; behind: it " +
      "uses an older one.",
    ["state"],
    ({ applications }) => {
      if (applications === null) return [];
      const behind = applications.instances.filter((instance) => instance.behind).length;
      const notified = applications.instances.filter((instance) => !instance.behind && !instance.confirmed).length;
      return [
        { labels: { state: "current" }, value: applications.instances.length - behind - notified },
        { labels: { state: "notified" }, value: notified },
        { labels: { state: "behind" }, value: behind },
      ];
    },
  ),
  labelled(
    "endpoint_requests_total",
    "Requests to the endpoint service; unavailable: answered 503, as no region serves or the role does not hold; rejected: " +
      "any other 4xx or 5xx; gone: the client left before the answer.",
    ["request", "outcome"],
    ({ endpoint }) => (endpoint === null ? [] : countsOf(endpoint.requests)),
  ),
  gauge("endpoint_long_polls", "Long polls that the endpoint service holds now.", ({ endpoint }) => endpoint?.held),
];
