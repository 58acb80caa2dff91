import { labelled } from "../metric.ts";

/** Applications that acknowledge epochs to the endpoint service beside this watchdog. */
export const applicationMetrics = [
  labelled(
    "applications",
    "Instances of applications; behind: it uses an older epoch than the one that serves.",
    ["state"],
    ({ applications }) => {
      if (applications === null) return [];
      const behind = applications.instances.filter((instance) => instance.behind).length;
      return [
        { labels: { state: "current" }, value: applications.instances.length - behind },
        { labels: { state: "behind" }, value: behind },
      ];
    },
  ),
];
