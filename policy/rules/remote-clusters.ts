import type { StackRule } from "../model.ts";

export const oneRemoteSecurity: StackRule = {
  id: "one-remote-security",
  purpose: "All stacks secure the connection between the regions' clusters the same way.",
  check: ({ declared }, { remoteClusterSecurity: others = {} }) => {
    if (declared === null) return [];
    const { site, remoteClusterSecurity: own } = declared;
    return Object.entries(others)
      .filter(([name, theirs]) => name !== site && theirs !== own)
      .map(([name, theirs]) => ({
        message:
          `${site} is configured with remoteClusterSecurity ${own}, ${name} with ${theirs}: their clusters would not reach each other. ` +
          "Set es-failover:remoteClusterSecurity in Pulumi.yaml, not in a stack.",
      }));
  },
};
