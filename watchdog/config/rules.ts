import { timingViolations } from "../core/timing.ts";
import type { ConfigProblem } from "./problems.ts";
import type { WatchdogConfig } from "./schema.ts";

/** Rules over several settings. Pure: looks at no file. */
export function crossFieldProblems(config: WatchdogConfig): readonly ConfigProblem[] {
  return [...regionProblems(config), ...patternProblems(config), ...sitesProblems(config), ...timingProblems(config)];
}

function regionProblems({ regions, firstPrimary, site }: WatchdogConfig): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const names = Object.keys(regions);
  const either = names.join(" or ");
  if (names.includes("witness")) {
    problems.push({ key: "regions.witness", message: "no region may be called witness: that is the third site" });
  }
  if (!names.includes(firstPrimary)) {
    problems.push({ key: "firstPrimary", message: `is "${firstPrimary}": must be one of the regions, ${either}` });
  }
  if (site !== "witness" && !names.includes(site)) {
    problems.push({ key: "site", message: `is "${site}": must be one of the regions, ${either}, or witness` });
  }
  const seenIn = new Map<string, string>();
  for (const [region, { nodes }] of Object.entries(regions)) {
    nodes.forEach((url, position) => {
      const { host } = new URL(url);
      const key = `regions.${region}.nodes[${position}]`;
      const other = seenIn.get(host);
      if (other !== undefined) problems.push({ key, message: `is "${url}", which ${other} names already` });
      seenIn.set(host, key);
    });
  }
  return problems;
}

function patternProblems({ replication }: WatchdogConfig): readonly ConfigProblem[] {
  return (["patterns", "exclusions"] as const).flatMap((list) =>
    replication[list].flatMap((pattern, position) => {
      const key = `replication.${list}[${position}]`;
      // Elasticsearch's own rules for index names; `-` in front would exclude, `.` names what the system owns.
      if (!/^[^A-Z\s"\\/?<>|,#:]+$/.test(pattern)) {
        return [
          { key, message: `is "${pattern}": index names are in lower case, without spaces or any of "\\/?<>|,#:` },
        ];
      }
      if (/^[-_+]/.test(pattern)) return [{ key, message: `is "${pattern}": no index name begins with -, _ or +` }];
      if (list === "patterns" && (pattern === "*" || pattern.startsWith("."))) {
        return [
          { key, message: `is "${pattern}": would take in system indices, which cannot be replicated; name yours` },
        ];
      }
      return [];
    }),
  );
}

/** One watchdog stands alone beside its router; several need etcd, and a way to ask each other without it. */
function sitesProblems({ site, store, router, failsafe }: WatchdogConfig): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (store.kind === "etcd" && failsafe === null) {
    problems.push({ key: "failsafe", message: "is missing: without it the routers close whenever etcd is lost" });
  }
  if (store.kind === "file" && failsafe !== null) {
    problems.push({
      key: "failsafe",
      message: "must be left out: with a file store there is no other watchdog to ask",
    });
  }
  if (store.kind === "file" && router === null) {
    problems.push({ key: "router", message: "is null: a watchdog with a file store stands beside the only router" });
  }
  if (site === "witness" && router !== null) {
    problems.push({ key: "router", message: "must be null on the witness: applications are not routed through it" });
  }
  return problems;
}

/** Each sentence begins with the setting it speaks of. */
function timingProblems(config: WatchdogConfig): readonly ConfigProblem[] {
  return timingViolations(config).map((message) => ({ key: "", message }));
}
