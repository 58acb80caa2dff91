import { missingBackend, serverFindings } from "./backends.ts";
import { type ConfigurationFile, readConfiguration, type Section } from "./configuration.ts";
import { entryFindings } from "./entries.ts";
import { finding, type RoutingExpectation, type RoutingFinding } from "./finding.ts";

/**
 * Whether a configuration of HAProxy that people wrote routes requests by the ticket alone: all findings, those of frontends
 * first. Pure. What Lua, another proxy or a client with a node's address does is not in it.
 */
export function checkRouting(
  files: readonly ConfigurationFile[],
  expected: RoutingExpectation,
): readonly RoutingFinding[] {
  const sections = readConfiguration(files);
  const ofKind = (...kinds: readonly string[]) => sections.filter(({ kind }) => kinds.includes(kind));
  const [entries, backends] = [ofKind("frontend", "listen"), ofKind("backend")];
  return [
    ...entries.flatMap((entry) => entryFindings(entry, backends, expected)),
    ...ofKind("backend", "listen").flatMap((holder) => serverFindings(holder, entries, expected)),
    ...Object.keys(expected.nodes).flatMap((region) => missingBackend(region, backends)),
    ...socketFindings(sections, expected),
  ];
}

/** The watchdog renews the ticket through HAProxy's runtime API. */
function socketFindings(sections: readonly Section[], { adminSocket }: RoutingExpectation): readonly RoutingFinding[] {
  const advised = `stats socket ${adminSocket} mode 660 level admin group es-failover`;
  for (const section of sections.filter(({ kind }) => kind === "global")) {
    for (const line of section.lines) {
      const [first, second, path = "", ...options] = line.words;
      if (first !== "stats" || second !== "socket" || path.replace(/^unix@/, "") !== adminSocket) continue;
      if (options.join(" ").includes("level admin")) return [];
      return [finding("broken", section, `the watchdog may not renew the ticket: write \`${advised}\``, line)];
    }
  }
  return [
    { kind: "broken", where: "global", what: `the watchdog has no socket to renew the ticket: add \`${advised}\`` },
  ];
}
