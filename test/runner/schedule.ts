/** The order in which `npm test` runs its projects, and what runs side by side. Pure data and pure functions. */

export const projects = ["unit", "simulation", "integration", "lab"] as const;
export type Project = (typeof projects)[number];

/** A part of a run: one call of vitest, for all test files of a project or some of them. */
export interface Part {
  readonly name: string;
  readonly project: Project;
  /** Paths of the test files that this part runs alone. Default: all of the project's. */
  readonly only?: readonly string[];
  /** Paths of test files that another part runs. */
  readonly except?: readonly string[];
  /** Number of test files that run side by side. Default: as in vitest.config.ts. */
  readonly workers?: number;
  /** How far everything else goes first where processor time is short, as `nice` has it: up to 19. Default: 0. */
  readonly niceness?: number;
}

/** What runs one after the other, and what side by side. */
export type Schedule = Part | { readonly inTurn: readonly Schedule[] } | { readonly atOnce: readonly Schedule[] };

/**
 * Integration tests about time: leases of a few seconds, elections, deadlines in milliseconds. They would fail beside a
 * lab's bring-up, which keeps every processor busy for minutes.
 */
export const timedFiles: readonly string[] = [
  "test/integration/etcd-client.test.ts",
  "test/integration/etcd-coordination.test.ts",
  "test/integration/etcd-store.test.ts",
  "test/integration/failsafe.test.ts",
  "test/integration/haproxy.test.ts",
  "test/integration/notifications-shared.test.ts",
  "test/integration/several-watchdogs.test.ts",
];

/**
 * Integration tests that make a few lab hosts of their own. A host takes about ten of the 128 inotify instances that Linux
 * gives a user by default: beside the lab, which has nine hosts, there is room for no more.
 */
export const hostFiles: readonly string[] = [
  "test/integration/bastion.test.ts",
  "test/integration/cloud-hosts.test.ts",
  "test/integration/lab-hosts.test.ts",
  "test/integration/private-route.test.ts",
  "test/integration/publisher-units.test.ts",
];

/** Integration tests that wait for the intervals of others, of Alertmanager and of etcd, and need next to no processor time. */
export const waitingFiles: readonly string[] = [
  "test/integration/etcd-member.test.ts",
  "test/integration/monitoring-services.test.ts",
];

/** Contract tests of replication, on a pair of Elasticsearch clusters. */
export const contractFiles: readonly string[] = [
  "test/integration/ccr-api-key.test.ts",
  "test/integration/ccr-contract.test.ts",
  "test/integration/ccr-copy-outages.test.ts",
  "test/integration/ccr-data-streams.test.ts",
  "test/integration/ccr-first-copy.test.ts",
  "test/integration/ccr-foreign.test.ts",
  "test/integration/ccr-leader-states.test.ts",
  "test/integration/ccr-misbehaviour.test.ts",
  "test/integration/ccr-outages.test.ts",
];

/** Integration tests on another pair of Elasticsearch clusters: about half of the time of all integration tests. */
export const clusterFiles: readonly string[] = [
  "test/integration/adoption.test.ts",
  "test/integration/cli-change.test.ts",
  "test/integration/cluster-pair.test.ts",
  "test/integration/data-streams.test.ts",
  "test/integration/drift.test.ts",
  "test/integration/elasticsearch-adapter.test.ts",
  "test/integration/elasticsearch-followers.test.ts",
  "test/integration/licence.test.ts",
  "test/integration/salvage.test.ts",
  "test/integration/snapshots.test.ts",
  "test/integration/watchdog-canary.test.ts",
  "test/integration/watchdog-copies.test.ts",
  "test/integration/watchdog-failover.test.ts",
  "test/integration/watchdog-left-out.test.ts",
  "test/integration/watchdog-snapshot.test.ts",
  "test/integration/watchdog-return.test.ts",
];

/** Thousands of histories on a virtual clock: all processor time, and no wait. */
export const historyFiles: readonly string[] = [
  "test/simulation/histories/one-site.test.ts",
  "test/simulation/histories/three-sites.test.ts",
];

/** Opens the status page in a browser, which no other test needs. */
export const browserFile = "test/integration/page-browser.test.ts";

const parts = {
  unit: { name: "unit", project: "unit" },
  timed: { name: "integration (timed)", project: "integration", only: timedFiles, workers: 2 },
  hosts: { name: "integration (hosts)", project: "integration", only: hostFiles, workers: 2 },
  contracts: {
    name: "integration (contracts)",
    project: "integration",
    only: contractFiles,
    workers: 1,
    niceness: 3,
  },
  clusters: { name: "integration (clusters)", project: "integration", only: clusterFiles, workers: 1 },
  integration: {
    name: "integration",
    project: "integration",
    except: [...timedFiles, ...hostFiles, ...waitingFiles, ...contractFiles, ...clusterFiles],
    workers: 1,
  },
  waiting: { name: "integration (waiting)", project: "integration", only: waitingFiles, workers: 1 },
  histories: { name: "simulation (histories)", project: "simulation", only: historyFiles, niceness: 19 },
  simulation: { name: "simulation", project: "simulation", except: historyFiles, niceness: 3 },
  lab: { name: "lab", project: "lab" },
} as const satisfies Readonly<Record<string, Part>>;

/**
 * Two lanes fill two cores, because the tests in them mostly wait. Beside the lab, whose bring-up keeps every processor busy for
 * minutes, run simulations, whose clock is their own, and only then the contracts: clusters that start during a bring-up take too
 * long. They wait for conditions and measure no time; both yield to the lab. The histories take what time all others leave.
 */
const everything: Schedule = {
  inTurn: [
    parts.unit,
    {
      atOnce: [
        {
          inTurn: [
            { atOnce: [{ inTurn: [parts.timed, parts.hosts, parts.integration] }, parts.clusters, parts.waiting] },
            { atOnce: [parts.lab, { inTurn: [parts.simulation, parts.contracts] }] },
          ],
        },
        parts.histories,
      ],
    },
  ],
};

/**
 * The schedule of a run of these projects.
 *
 * @param filters when there are any, only test files run whose path contains one of them
 */
export function scheduleFor(chosen: readonly Project[], filters: readonly string[]): Schedule {
  const of = (schedules: readonly Schedule[]) => schedules.map(narrow).filter((each) => partsOf(each).length > 0);
  const narrow = (schedule: Schedule): Schedule => {
    if ("inTurn" in schedule) return { inTurn: of(schedule.inTurn) };
    if ("atOnce" in schedule) return { atOnce: of(schedule.atOnce) };
    return narrowed(schedule, chosen, filters) ?? { inTurn: [] };
  };
  return narrow(everything);
}

/** Every part of a schedule. */
export function partsOf(schedule: Schedule): readonly Part[] {
  if ("inTurn" in schedule) return schedule.inTurn.flatMap(partsOf);
  return "atOnce" in schedule ? schedule.atOnce.flatMap(partsOf) : [schedule];
}

/** Whether a run of these projects with these filters runs a test file. */
export function includes(file: string, chosen: readonly Project[], filters: readonly string[]): boolean {
  const isChosen = chosen.some((project) => file.startsWith(`test/${project}/`));
  return isChosen && (filters.length === 0 || filters.some((filter) => file.includes(filter)));
}

function narrowed(part: Part, chosen: readonly Project[], filters: readonly string[]): Part | null {
  if (!chosen.includes(part.project)) return null;
  if (part.only === undefined || filters.length === 0) return part;
  const only = part.only.filter((file) => filters.some((filter) => file.includes(filter)));
  return only.length > 0 ? { ...part, only } : null;
}

/**
 * The command that runs a part.
 *
 * @param filters as for `stagesFor`
 * @param reportFile where vitest's JSON report goes
 */
export function commandOf(part: Part, filters: readonly string[], reportFile: string): readonly string[] {
  return [
    ...["vitest", "run", `--project=${part.project}`, "--passWithNoTests"],
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`],
    ...(part.workers === undefined ? [] : [`--maxWorkers=${part.workers}`]),
    ...(part.except ?? []).map((file) => `--exclude=${file}`),
    ...(part.only ?? filters),
  ];
}
