/**
 * The layers of the product, lowest first. A module imports from its own layer and from lower ones; the product never
 * imports the lab, the set-up, the tests or the benchmarks; no imports form a circle. `npm run check` holds this.
 */
const layers = [
  "util",
  "config",
  "core",
  "salvage",
  "diagnostics",
  "adoption",
  "adapters",
  "applications",
  "notifications",
  "controller",
  "presentation",
  "metrics",
  "page",
  "etcd-member",
  "app",
  "cli",
];

/** The same for the lab: what the machine needs, hosts and clusters on it, a cloud of them, the whole system, its demo. */
const labLayers = ["util", "machine", "hosts", "elasticsearch", "cloud", "traffic", "system", "demo"];

const noHigherLayer = (folder, names) =>
  names.slice(0, -1).map((layer, position) => ({
    name: `${folder}-${layer}-imports-no-higher-layer`,
    comment: `${folder}/${layer} may import from: ${names.slice(0, position + 1).join(", ")}`,
    severity: "error",
    from: { path: `^${folder}/${layer}/` },
    to: { path: `^${folder}/(${names.slice(position + 1).join("|")})/` },
  }));

export default {
  forbidden: [
    {
      name: "no-circle",
      comment: "Break it with a module of its own for what both sides share.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    ...noHigherLayer("watchdog", layers),
    ...noHigherLayer("lab", labLayers),
    {
      name: "setup-is-the-entry",
      comment: "setup/ only dispatches npm's scripts; what prepares the machine is in lab/machine.",
      severity: "error",
      from: { path: "^(lab|test|bench)/" },
      to: { path: "^setup/" },
    },
    {
      name: "controller-works-through-ports",
      comment: "The controller reaches the outside through the interfaces in watchdog/core/ports/ alone.",
      severity: "error",
      from: { path: "^watchdog/controller/" },
      to: { path: "^watchdog/adapters/" },
    },
    {
      name: "core-is-pure",
      comment: "watchdog/core decides and plans: no clock, no file, no network.",
      severity: "error",
      from: { path: "^watchdog/core/" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(util|assert)$" },
    },
    {
      name: "product-imports-no-lab",
      comment: "Users get watchdog/, infra/ and policy/ without the lab, the set-up, the tests and the benchmarks.",
      severity: "error",
      from: { path: "^(watchdog|infra|policy)/" },
      to: { path: "^(lab|setup|test|bench)/" },
    },
    {
      name: "watchdog-imports-no-infra",
      comment: "Run time never needs provisioning.",
      severity: "error",
      from: { path: "^watchdog/" },
      to: { path: "^infra/" },
    },
    {
      name: "packages-hold-the-watchdog-alone",
      comment: "What is packaged is the watchdog; provisioning is run from a checkout.",
      severity: "error",
      from: { path: "^packages/" },
      to: { path: "^(infra|policy|lab|test|bench|setup)/" },
    },
    {
      name: "nothing-imports-packages",
      comment:
        "Packages are made of the program, never the other way round; the dispatcher of npm's scripts starts it.",
      severity: "error",
      from: { path: "^(watchdog|infra|policy|lab|bench)/" },
      to: { path: "^packages/" },
    },
    {
      name: "only-policy-imports-policy",
      comment: "The pack judges what infra declares; infra does not know it.",
      severity: "error",
      from: { path: "^(watchdog|infra)/" },
      to: { path: "^policy/" },
    },
    {
      name: "nothing-imports-tests",
      comment: "Tests use the rest, never the other way round; only the dispatcher of npm's scripts starts them.",
      severity: "error",
      from: { pathNot: "^(test/|bench/|setup/main.ts$)" },
      to: { path: "^(test|bench)/" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".mjs", ".js"] },
  },
};
