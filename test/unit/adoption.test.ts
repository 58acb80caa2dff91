import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { frontendSnippet } from "../../watchdog/adapters/haproxy/snippet.ts";
import { type AnswersInput, answersSchema, withCredentials } from "../../watchdog/adoption/answers.ts";
import { configurationFor, etcdCommands } from "../../watchdog/adoption/configuration.ts";
import type { ClusterFacts, FollowerFact, Login } from "../../watchdog/adoption/facts.ts";
import type { AdoptionConfig } from "../../watchdog/adoption/judgement.ts";
import { planAdoption } from "../../watchdog/adoption/plan.ts";
import { formatRequests } from "../../watchdog/cli/output/init.ts";
import { defaultRouterSettings } from "../../watchdog/config/schema.ts";
import { replicationSchema } from "../../watchdog/config/sections.ts";
import { index } from "./core-fixtures.ts";

/** Two clusters as administrators have them: bhs follows gra by the alias "paris", gra knows nothing of bhs. */

const absent = (user: string): Login => ({ kind: "absent", user });
const accepted = (user: string, realm = "file"): Login => ({
  kind: "accepted",
  user,
  roles: [roleOf[user] ?? ""],
  realm,
});
const roleOf: Record<string, string> = {
  "es-failover": "es_failover_watchdog",
  "haproxy-check": "es_failover_haproxy_check",
};

const cluster = (region: string, changes: Partial<ClusterFacts> = {}): ClusterFacts => ({
  region,
  clusterUuid: `uuid-of-${region}`,
  versions: { lowest: "9.5.3", highest: "9.5.3" },
  licence: { type: "platinum", active: true, allowsCcr: true, expiresAtMs: null },
  maySetUp: true,
  transportAddresses: [`10.0.${region === "gra" ? 1 : 2}.10:9300`],
  remotes: [],
  followers: [],
  autoFollow: [],
  indices: [],
  definitions: [],
  managedBytes: 3 * 1024 ** 3,
  roles: {},
  logins: { watchdog: absent("es-failover"), haproxyCheck: absent("haproxy-check") },
  ...changes,
});
const follower = (name: string, changes: Partial<FollowerFact> = {}): FollowerFact => ({
  index: name,
  leaderIndex: name,
  alias: "paris",
  paused: false,
  ...changes,
});
const paris = { alias: "paris", connected: true, clusterUuid: "uuid-of-gra" };

const config = (changes: Partial<AdoptionConfig> = {}): AdoptionConfig => ({
  replication: replicationSchema.parse({ patterns: ["orders*"], exclusions: ["orders-tmp*"] }),
  remoteClusterSecurity: "certificate",
  firstPrimary: null,
  remoteAliases: {},
  remoteSeeds: {},
  keyed: {},
  ...changes,
});

const gra = (changes: Partial<ClusterFacts> = {}) =>
  cluster("gra", { indices: [index("orders-1"), index("orders-2")], ...changes });
const bhs = (changes: Partial<ClusterFacts> = {}) =>
  cluster("bhs", {
    remotes: [paris],
    followers: [follower("orders-1")],
    indices: [index("orders-1", { following: true })],
    ...changes,
  });

const plan = (a: ClusterFacts, b: ClusterFacts, changes: Partial<AdoptionConfig> = {}) =>
  planAdoption({ facts: { [a.region]: a, [b.region]: b }, config: config(changes) });

describe("a pair of which one follows the other", () => {
  test("is taken over with its followers, its patterns, and the name that its remote cluster has", () => {
    const dr = { name: "dr", remoteCluster: "paris", patterns: ["orders*"], exclusions: ["orders-tmp*"], active: true };
    const made = plan(gra(), bhs({ autoFollow: [dr] }));
    expect(made).toMatchObject({ active: "gra", aliases: { gra: "paris", bhs: "bhs" }, inTheWay: [] });
    expect(made.takenOver).toEqual([
      "the remote cluster paris of bhs, which is gra",
      "1 follower in bhs: orders-1",
      "the auto-follow pattern dr in bhs",
    ]);
    expect(made.notices).toContain("1 index of gra are copied to bhs, 4 at once: orders-2");
  });

  test("gets the other direction's remote cluster, and roles and users with few privileges", () => {
    const made = plan(gra(), bhs());
    expect(made.requests.map(({ region, path }) => `${region} ${path}`)).toEqual([
      "gra /_cluster/settings",
      ...["gra", "bhs"].flatMap((region) =>
        ["role/es_failover_watchdog", "user/es-failover", "role/es_failover_haproxy_check", "user/haproxy-check"].map(
          (path) => `${region} /_security/${path}`,
        ),
      ),
    ]);
    expect(made.requests[0]?.body).toEqual({
      persistent: {
        cluster: {
          remote: { bhs: { mode: "sniff", seeds: ["10.0.2.10:9300"], transport: { ping_schedule: "5s" } } },
        },
      },
    });
    expect(JSON.stringify(made.requests)).not.toContain('"all"');
    expect(formatRequests(made.requests)).toContain('"password": "<the content of its password file>"');
  });

  test("gets nothing again that is there: users of the file realm, roles that are equal in another order", () => {
    const logins = { watchdog: accepted("es-failover"), haproxyCheck: accepted("haproxy-check", "native") };
    const check = {
      cluster: ["monitor"],
      indices: [
        { names: [".es-failover-canary"], privileges: ["read", "index", "create_index"], allow_restricted: false },
      ],
      run_as: [],
    };
    const montreal = { alias: "montreal", connected: true, clusterUuid: "uuid-of-bhs" };
    const roles = { es_failover_haproxy_check: check };
    const made = plan(gra({ logins, roles, remotes: [montreal] }), bhs({ logins, roles }));
    expect(made.requests).toEqual([]);
    expect(made.aliases).toEqual({ gra: "paris", bhs: "montreal" });
    const widened = { es_failover_haproxy_check: { ...check, cluster: ["monitor", "manage"] } };
    expect(plan(gra({ logins, roles, remotes: [montreal] }), bhs({ logins, roles: widened })).requests).toMatchObject([
      { region: "bhs", path: "/_security/role/es_failover_haproxy_check" },
    ]);
  });

  test("has the name that its followers use where the cluster is of a version that does not tell which its remotes are", () => {
    const unknown = (alias: string) => ({ alias, connected: true, clusterUuid: null });
    const aliases = (...names: readonly string[]) => plan(gra(), bhs({ remotes: names.map(unknown) })).aliases["gra"];
    expect([aliases("gra", "paris"), aliases("rbx", "paris")]).toEqual(["paris", "paris"]);
    const unused = { followers: [follower("x", { alias: "elsewhere" })] };
    const named = (...names: readonly string[]) =>
      plan(gra(), bhs({ ...unused, remotes: names.map(unknown) })).aliases["gra"];
    expect([named("rbx", "gra"), named("paris"), named("a", "b")]).toEqual(["gra", "paris", "gra"]);
  });

  test("is refused as its reverse, and as a pair in which both follow", () => {
    expect(plan(gra(), bhs(), { firstPrimary: "bhs" }).inTheWay).toEqual([
      "firstPrimary is bhs, and bhs follows gra: write gra",
    ]);
    const both = plan(gra({ followers: [follower("orders-9", { alias: "bhs" })] }), bhs());
    expect(both).toMatchObject({ active: null, inTheWay: [expect.stringContaining("both take writes")] });
  });
});

describe("what is in the way is told with what to do:", () => {
  const inTheWay = (a: ClusterFacts, b: ClusterFacts, changes: Partial<AdoptionConfig> = {}) =>
    plan(a, b, changes).inTheWay;
  const pattern = { name: "dr", remoteCluster: "paris", patterns: ["orders*"], exclusions: [], active: true };

  test.each<[string, Partial<ClusterFacts>, RegExp]>([
    [
      "a follower with another name than its leader",
      { followers: [follower("orders-1"), follower("copy-of-orders-2", { leaderIndex: "orders-2" })] },
      /copy-of-orders-2 in bhs follows orders-2 under another name: .*`DELETE \/copy-of-orders-2`/,
    ],
    [
      "a follower of another cluster",
      { followers: [follower("orders-1"), follower("orders-3", { alias: "rbx" })] },
      /orders-3 in bhs follows orders-3 of rbx, another cluster than gra/,
    ],
    [
      "an index that both have",
      { indices: [index("orders-1", { following: true }), index("orders-2")] },
      /in both regions, and no followers: orders-2\. Copy what you need/,
    ],
    ["an index that the standby alone has", { indices: [index("orders-7")] }, /in bhs alone: orders-7/],
    ["a pattern that does more", { autoFollow: [{ ...pattern, patterns: ["*"] }] }, /`DELETE \/_ccr\/auto_follow\/dr`/],
    [
      "a pattern that names followers otherwise",
      { autoFollow: [{ ...pattern, exclusions: ["orders-tmp*"], followerNames: "{{leader_index}}-copy" }] },
      /the auto-follow pattern dr in bhs \(orders\* as \{\{leader_index\}\}-copy\)/,
    ],
    [
      "an older version",
      { versions: { lowest: "9.5.2", highest: "9.5.3" } },
      /bhs runs 9\.5\.2, older than the 9\.5\.3 of gra/,
    ],
    [
      "a licence that permits no replication",
      { licence: { type: "basic", active: true, allowsCcr: false, expiresAtMs: null } },
      /basic licence.*needs Platinum/,
    ],
    ["an administrator who may not", { maySetUp: false }, /lacks the cluster privileges manage and manage_security/],
    [
      "a remote cluster that is not connected",
      { remotes: [{ ...paris, connected: false }] },
      /bhs is not connected to its remote cluster paris/,
    ],
    [
      "a user with another password",
      { logins: { watchdog: { kind: "refused", user: "es-failover" }, haproxyCheck: absent("haproxy-check") } },
      /the user es-failover exists in bhs, and its password is not in the file: copy the file/,
    ],
  ])("%s", (_, changes, sentence) => {
    expect(inTheWay(gra(), bhs(changes))).toEqual([expect.stringMatching(sentence)]);
  });

  test("an alias in the answers that is another cluster, and none at all without seeds", () => {
    expect(
      inTheWay(gra(), bhs({ remotes: [paris, { ...paris, alias: "gra", clusterUuid: "other" }] }), {
        remoteAliases: { gra: "gra" },
      }),
    ).toContainEqual(expect.stringMatching(/the remote cluster gra of bhs is another cluster than that of gra/));
    expect(inTheWay(gra(), bhs({ transportAddresses: [] }))).toEqual([
      expect.stringMatching(/gra has no remote cluster for bhs, .*regions\.bhs\.remoteSeeds/),
    ]);
  });

  test("a write alias that no pattern matches, and a pattern that would follow the standby", () => {
    const aliased = index("orders-1", { aliases: [{ alias: "shop", isWriteIndex: true }] });
    const reverse = { ...pattern, name: "back", remoteCluster: "bhs" };
    expect(inTheWay(gra({ indices: [aliased], autoFollow: [reverse] }), bhs())).toEqual([
      expect.stringMatching(/the auto-follow pattern back in gra follows bhs.*`POST \/_ccr\/auto_follow\/back\/pause`/),
      expect.stringMatching(/write aliases of gra that no pattern matches: shop/),
    ]);
  });

  test("API keys that the licence does not permit, or that no cluster accepts", () => {
    expect(inTheWay(gra(), bhs(), { remoteClusterSecurity: "api_key" })).toContainEqual(
      expect.stringMatching(/platinum licence of gra permits no cross-cluster API keys/),
    );
    const enterprise = { licence: { type: "enterprise", active: true, allowsCcr: true, expiresAtMs: null } };
    expect(plan(gra(enterprise), bhs(enterprise), { remoteClusterSecurity: "api_key" }).notices).toContainEqual(
      expect.stringMatching(/^gra connects to bhs once .*cross_cluster\/api_key.*cluster\.remote\.bhs\.credentials/),
    );
    const paths = plan(gra(), bhs(), { keyed: { bhs: true } }).requests.map(({ region, path }) => `${region} ${path}`);
    // The role is what a follower's user of gra is looked up by; the key needs no user.
    expect(paths).toContain("bhs /_security/role/es_failover_watchdog");
    expect(paths).not.toContain("bhs /_security/user/es-failover");
    expect(inTheWay(gra(), bhs(), { keyed: { bhs: true } })).toEqual([
      expect.stringMatching(
        /^bhs accepts no API key from regions\.bhs\.apiKeyFile: make one with `POST \/_security\/api_key \{/,
      ),
    ]);
  });
});

describe("a pair without followers", () => {
  const [alone, empty] = [gra(), cluster("bhs", { remotes: [paris] })];

  test("has the region with the indices as its active one, else the one that is named, else none", () => {
    expect(plan(alone, empty).active).toBe("gra");
    expect(plan(cluster("gra"), empty, { firstPrimary: "bhs" }).active).toBe("bhs");
    expect(plan(cluster("gra"), empty)).toMatchObject({
      active: null,
      inTheWay: [expect.stringContaining("write gra or bhs as firstPrimary")],
    });
  });

  test("is told what is copied, and what replaces definitions of the standby", () => {
    const template = (body: object) => ({ kind: "index-template", name: "orders", body: { ...body } }) as const;
    const made = plan(
      { ...alone, definitions: [template({ priority: 1 }), { ...template({}), name: "new" }] },
      { ...empty, definitions: [template({ priority: 2 })] },
    );
    expect(made.notices).toEqual(
      expect.arrayContaining([
        "2 indices of gra are copied to bhs, 3.0 GiB, 4 at once: orders-1, orders-2",
        "replaced in bhs by those of gra: index-template orders (replication.definitions)",
        "copied to bhs: index-template new",
      ]),
    );
  });
});

describe("docs/adoption.md", () => {
  const page = readFileSync(path.join(import.meta.dirname, "..", "..", "docs", "adoption.md"), "utf8");
  const example = (language: string) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(page)?.[1] ?? "";

  test("has answers that init takes", () => {
    expect(answersSchema.safeParse(JSON.parse(example("json"))).error).toBeUndefined();
  });

  test("has the rules of a frontend as snippet writes them", () => {
    const rules = frontendSnippet(["paris", "montreal"], defaultRouterSettings.ticketMapFile);
    expect(rules).toContain(example("haproxy"));
  });

  test("has etcd's commands as init prints them", () => {
    const { store } = answersSchema.parse(JSON.parse(example("json")));
    for (const command of etcdCommands({ store })) expect(page).toContain(`${command}\n`);
  });
});

describe("the watchdog's configuration", () => {
  const answers: AnswersInput = {
    name: "proxy-1",
    site: "gra",
    regions: {
      gra: { nodes: ["https://es-1.gra:9200"], caFile: "/ca", admin: { username: "elastic" }, remoteSeeds: ["a:9300"] },
      bhs: { nodes: ["https://es-1.bhs:9200"], caFile: "/ca", apiKeyFile: "/key" },
    },
    replication: { patterns: ["orders*"] },
    store: { kind: "file", directory: "/var/lib/es-failover/store" },
  };

  test("is the answers with what was found, without administrators and defaults", () => {
    expect(configurationFor(withCredentials(answers), "gra", { gra: "paris", bhs: "bhs" })).toEqual({
      ...answers,
      regions: {
        gra: {
          nodes: ["https://es-1.gra:9200"],
          caFile: "/ca",
          username: "es-failover",
          passwordFile: "/etc/es-failover/secrets/elasticsearch-gra",
          remoteAlias: "paris",
        },
        bhs: { nodes: ["https://es-1.bhs:9200"], caFile: "/ca", apiKeyFile: "/key" },
      },
      firstPrimary: "gra",
      router: {},
    });
  });

  test("comes with etcd's commands where several watchdogs share it", () => {
    expect(etcdCommands(answers)).toEqual([]);
    const tls = { caFile: "/ca", certificateFile: "/c", keyFile: "/k" };
    const access = { endpoints: ["https://e:2379"], username: "es-failover", passwordFile: "/p" };
    const store = { kind: "etcd" as const, ...access, ...tls };
    expect(etcdCommands({ store })).toContain(
      "etcdctl role grant-permission --prefix=true es-failover readwrite /es-failover/",
    );
    expect(etcdCommands({ store }).join()).not.toContain("--password");
  });
});
