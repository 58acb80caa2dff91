import type { StackConfiguration } from "../cloud/project.ts";
import type { AptRepository } from "../elasticsearch/repository.ts";
import { elasticsearchVersion } from "../elasticsearch/version.ts";
import { controllerSubnet, labAptRepositoryUrl } from "../hosts/addressing.ts";

/** The lab's three sites, as stacks and as they are named everywhere else. */
export const stacks = ["gra", "bhs", "witness"] as const;
export type Stack = (typeof stacks)[number];

/** Hosts per role. */
export interface LabSize {
  /** In each region, from 1. The machine's inotify instances are enough for about ten hosts, the witness included. */
  readonly elasticsearchNodes: number;
  readonly haproxyNodes: number;
}

const usualSize: LabSize = { elasticsearchNodes: 3, haproxyNodes: 1 };

/** What the lab's stacks set beside the users' own project file: addresses and sizes of this one machine. */
export function stackConfiguration(
  stack: Stack,
  repository: AptRepository,
  size: LabSize = usualSize,
): StackConfiguration {
  return {
    "es-failover:region": stack,
    "es-failover:serviceName": "00000000000000000000000000001ab0",
    "es-failover:regions": {
      gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", ...size },
      bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", ...size },
    },
    "es-failover:witness": { ovhRegion: "DE1", cidr: "192.168.3.0/24" },
    "es-failover:adminCidrs": [controllerSubnet],
    "es-failover:clientCidrs": [controllerSubnet],
    "es-failover:dataVolume": { sizeGb: 2, type: "CLASSIC" },
    "es-failover:elasticsearch": {
      version: elasticsearchVersion,
      licence: "trial",
      heap: "256m",
      packageSource: {
        url: labAptRepositoryUrl.replace(/\/$/, ""),
        suite: repository.suite,
        component: repository.component,
        signingKeyUrl: `${labAptRepositoryUrl}lab.asc`,
        signingKeyFingerprint: repository.signingKeyFingerprint,
      },
    },
    "es-failover:checks": { profile: "fast" },
    "es-failover:protect": "false",
  };
}
