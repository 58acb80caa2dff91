import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type StackView, types, unknown } from "../../policy/model.ts";
import { authorityIsValid, certificatesAreFresh } from "../../policy/rules/certificates.ts";
import { resourceRules, stackRules } from "../../policy/rules/rules.ts";
import { exposedSecrets, secretWords } from "../../policy/rules/secrets.ts";
import { leavesOf } from "../../policy/view.ts";
import { hiddenChanges, monitoringChanges, virtualAddressChanges } from "./infra-fixtures.ts";
import { changed, fittingStack } from "./policy-fixtures.ts";

const stack = await fittingStack();

/** Messages of a rule about a stack. */
function findings(id: string, judged: StackView, others = {}): readonly string[] {
  const rule = stackRules.find((candidate) => candidate.id === id);
  if (rule !== undefined) return rule.check(judged, others).map(({ message }) => message);
  const single = resourceRules.find((candidate) => candidate.id === id);
  if (single === undefined) throw new Error(`no rule ${id}`);
  return judged.resources
    .filter(({ type }) => single.types.includes(type))
    .flatMap((resource) => single.check(resource));
}

const ids = [...resourceRules, ...stackRules].map(({ id }) => id);

const opening = (port: number, source: string | undefined, extra: object = {}) => ({
  rules: [
    { direction: "INGRESS", protocol: "TCP", portRangeMin: port, portRangeMax: port, remoteIpPrefix: source, ...extra },
  ],
});

const vrrp = (source: string) => ({ rules: [{ direction: "INGRESS", protocol: "VRRP", remoteIpPrefix: source }] });

test("docs/policies.md describes every rule", () => {
  const text = readFileSync(path.join(import.meta.dirname, "..", "..", "docs", "policies.md"), "utf8");
  const described = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, id]) => id);
  expect(described.sort()).toEqual([...ids, "no-plain-secrets", "no-secret-in-state"].sort());
});

describe("a stack that fits", () => {
  test.each(ids)("keeps %s", (id) => {
    expect(findings(id, stack)).toEqual([]);
  });

  test("may open the entry to the world, by clientCidrs", async () => {
    const open = await fittingStack({ clientCidrs: "0.0.0.0/0" });
    for (const id of ids) expect([id, findings(id, open)]).toEqual([id, []]);
  });

  test("may show the status page to the networks of its readers", async () => {
    const page = JSON.stringify({ authentication: "password", cidrs: ["203.0.113.7/32"] });
    const shown = await fittingStack({ page, pagePassword: "correct horse battery" });
    expect(JSON.stringify(shown.resources)).toContain("9445");
    for (const id of ids) expect([id, findings(id, shown)]).toEqual([id, []]);
  });

  test("may secure the remote clusters by API keys", async () => {
    const keyed = await fittingStack({ remoteClusterSecurity: "api_key" });
    expect(keyed.declared?.remoteClusterSecurity).toBe("api_key");
    for (const id of ids) expect([id, findings(id, keyed)]).toEqual([id, []]);
  });

  test("may let Prometheus on the witness read the exporters", async () => {
    const watched = await fittingStack(monitoringChanges);
    expect(JSON.stringify(watched.resources)).toContain("9114");
    for (const id of ids) expect([id, findings(id, watched)]).toEqual([id, []]);
  });

  test("may let the HAProxy hosts of a region agree on its virtual address", async () => {
    const shared = await fittingStack(virtualAddressChanges);
    expect(JSON.stringify(shared.resources)).toContain("VRRP");
    for (const id of ids) expect([id, findings(id, shared)]).toEqual([id, []]);
  });

  test("may hide every host but the entries behind a bastion and a gateway", async () => {
    const hidden = await fittingStack(hiddenChanges);
    expect(JSON.stringify(hidden.resources)).toContain("192.168.1.195/32");
    for (const id of ids) expect([id, findings(id, hidden)]).toEqual([id, []]);
  });

  test("of another program is judged by its resources alone", () => {
    const foreign = { ...stack, declared: null };
    for (const id of ids) expect([id, findings(id, foreign)]).toEqual([id, []]);
  });
});

describe("the firewall", () => {
  test.each([
    ["only-the-entry-is-public", "gra-elasticsearch", opening(9200, "0.0.0.0/0"), "opens TCP 9200 to 0.0.0.0/0"],
    ["only-the-entry-is-public", "gra-haproxy", opening(9443, "0.0.0.0/1"), "opens TCP 9443 to 0.0.0.0/1"],
    ["only-the-entry-is-public", "gra-haproxy", opening(9200, "0.0.0.0/0", { portRangeMax: 9300 }), "9200 to 9300"],
    ["only-the-entry-is-public", "gra-etcd", opening(2379, "::/0"), "opens TCP 2379 to ::/0"],
    ["only-the-entry-is-public", "gra-etcd", opening(2379, undefined), "opens TCP 2379 to everywhere"],
    ["only-the-entry-is-public", "gra-haproxy", opening(9200, "0.0.0.0/0", { protocol: undefined }), "every protocol"],
    ["no-plaintext-port", "gra-haproxy", opening(80, "203.0.113.7/32"), "opens TCP 80"],
    ["no-plaintext-port", "gra-haproxy", opening(22, "203.0.113.7/32", { portRangeMax: 2379 }), "TCP 22 to 2379"],
    ["no-plaintext-port", "gra-haproxy", opening(9200, "203.0.113.7/32", { protocol: "UDP" }), "UDP 9200"],
    ["peers-only", "gra-elasticsearch", opening(9300, "192.168.1.101/32"), "9300 to 192.168.1.101/32, which is none"],
    ["peers-only", "gra-elasticsearch", opening(9200, "192.168.1.12/32"), "none of the watchdogs' hosts"],
    ["peers-only", "gra-etcd", opening(2379, "192.168.1.11/32"), "TCP 2379 to 192.168.1.11/32"],
    ["peers-only", "gra-etcd", opening(2380, "192.168.1.102/32"), "none of the members of etcd"],
    ["peers-only", "gra-etcd", opening(2380, undefined, { remoteGroupId: "id" }), "TCP 2380 to a group"],
    ["peers-only", "gra-haproxy", opening(1, "10.0.0.1/32", { portRangeMax: 65_535 }), "TCP 9443 to 10.0.0.1/32"],
    ["peers-only", "gra-elasticsearch", opening(9114, "192.168.1.101/32"), "none of the witness, which has Prometheus"],
    ["peers-only", "gra-haproxy", opening(8405, "203.0.113.7/32"), "TCP 8405 to 203.0.113.7/32"],
    [
      "peers-only",
      "gra-haproxy",
      vrrp("192.168.2.101/32"),
      "opens VRRP to 192.168.2.101/32: allow the HAProxy hosts of gra",
    ],
    ["peers-only", "gra-elasticsearch", vrrp("192.168.1.101/32"), "gra-elasticsearch opens VRRP to 192.168.1.101/32"],
    ["only-the-entry-is-public", "gra-haproxy", vrrp("0.0.0.0/0"), "opens VRRP to 0.0.0.0/0"],
    ["ssh-from-administrators", "gra-haproxy", opening(22, "203.0.113.0/24"), "to 203.0.113.0/24, which is not within"],
  ])("%s is violated: %s with %j", (id, group, rules, message) => {
    expect(findings(id, changed(stack, group, rules)).join("\n")).toContain(message);
  });

  test("with a bastion, SSH from the administrators' own networks is refused", async () => {
    const hidden = await fittingStack(hiddenChanges);
    expect(findings("ssh-from-administrators", changed(hidden, "gra-etcd", opening(22, "203.0.113.7/32")))).toEqual([
      expect.stringMatching(/^gra-etcd opens SSH \(TCP 22\) to 203\.0\.113\.7\/32, which is not the bastion: remove/),
    ]);
  });

  test.each([
    ["a public interface", [{ autoAssignPublicIp: true }, { networkId: "n", subnetId: "s", ip: "192.168.1.12" }]],
    [
      "a floating address",
      [
        { networkId: "n", subnetId: "s", ip: "192.168.1.12" },
        { networkId: "n", subnetId: "s", ip: "203.0.113.99" },
      ],
    ],
  ])("%s of a host that is to have no public address is refused, and of another one is not", async (_, networks) => {
    const hidden = await fittingStack(hiddenChanges);
    expect(findings("public-addresses-as-declared", changed(hidden, "gra-es-2", { networks }))).toEqual([
      expect.stringMatching(
        /^gra-es-2 has an interface besides its address 192\.168\.1\.12 .*: remove it from networks/,
      ),
    ]);
    expect(findings("public-addresses-as-declared", changed(hidden, "gra-haproxy-1", { networks }))).toEqual([]);
    expect(findings("public-addresses-as-declared", changed(stack, "gra-es-2", { networks }))).toEqual([]);
  });

  test("hosts without a public address need a gateway that leads outside", async () => {
    const hidden = await fittingStack(hiddenChanges);
    const shut = changed(hidden, "gra-gateway", { externalGateway: { enabled: false } });
    const none = { ...hidden, resources: hidden.resources.filter(({ name }) => name !== "gra-gateway") };
    for (const judged of [shut, none]) {
      expect(findings("public-addresses-as-declared", judged)).toEqual([
        expect.stringMatching(/^gra has hosts without a public address, and no gateway/),
      ]);
    }
  });

  test("an instance without groups has the project's, which accepts everything", () => {
    const judged = changed(stack, "gra-es-2", { securityGroupIds: undefined });
    expect(findings("only-the-entry-is-public", judged)).toEqual([
      expect.stringMatching(/^gra-es-2 has no security group/),
    ]);
  });

  test.each([
    ["/etc/haproxy/haproxy.cfg", "  bind :9200\n", "`bind :9200`"],
    [
      "/etc/elasticsearch/elasticsearch.yml",
      "xpack.security.enabled: true\n",
      "lacks `xpack.security.http.ssl.enabled: true`",
    ],
    [
      "/etc/default/etcd",
      "ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379\n",
      "`ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379`",
    ],
    [
      "/etc/default/prometheus-node-exporter",
      'ARGS="--web.listen-address=192.168.1.11:9100"\n',
      '`ARGS="--web.listen-address=192.168.1.11:9100"`',
    ],
    ["/etc/default/prometheus", 'ARGS=""\n', '`ARGS=""`'],
  ])("a service without TLS is named: %s", (path, content, message) => {
    const command = changed(
      stack,
      "gra-es-1",
      { stdin: JSON.stringify({ files: [{ path, content }] }) },
      { type: "command:remote:Command" },
    );
    expect(findings("no-plaintext-service", command).join()).toContain(message);
  });
});

describe("placement", () => {
  test("an unspread host, a group of another policy and one with more hosts than OVHcloud spreads", () => {
    const alone = changed(stack, "gra-es-3", { groupId: undefined });
    expect(findings("hosts-are-spread", alone)).toEqual([
      expect.stringMatching(/^gra-es-3 is in no anti-affinity group/),
    ]);
    const together = changed(stack, "gra-haproxy-group", { policy: "AFFINITY" });
    expect(findings("hosts-are-spread", together)).toEqual([
      expect.stringMatching(/^gra-haproxy-group has the policy AFFINITY/),
    ]);
    const resources = stack.resources.flatMap((resource) =>
      resource.name === "gra-es-1"
        ? [resource, ...[7, 8, 9].map((n) => ({ ...resource, name: `gra-es-${n}` }))]
        : [resource],
    );
    expect(findings("hosts-are-spread", { ...stack, resources })).toEqual([expect.stringMatching(/has 6 hosts/)]);
  });

  test.each([
    [2, "gra has 2 master-eligible"],
    [4, "gra has 4 master-eligible"],
  ])("%i nodes of a region are even", async (elasticsearchNodes, message) => {
    const regions = {
      gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", elasticsearchNodes },
      bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
    };
    expect(findings("odd-voters", await fittingStack({ regions: JSON.stringify(regions) })).join()).toContain(message);
  });

  test.each([
    ["the other region on one campus", { bhs: "GRA9" }, "gra (GRA11) and bhs (GRA9) are on the campus GRA"],
    [
      "the witness on the other region's campus",
      { witness: "BHS7" },
      "bhs (BHS5) and witness (BHS7) are on the campus BHS",
    ],
    ["the stack's resources elsewhere", { gra: "SBG5" }, "gra-es-1 is in GRA11, and gra is in SBG5"],
  ])("%s", (_, regions: Partial<Record<string, string>>, message) => {
    const { declared } = stack;
    if (declared === null) throw new Error("declares nothing");
    const sites = declared.sites.map((site) => ({ ...site, ovhRegion: regions[site.name] ?? site.ovhRegion }));
    expect(findings("sites-are-apart", { ...stack, declared: { ...declared, sites } }).join("\n")).toContain(message);
  });
});

describe("data hosts", () => {
  const taken = (judged: StackView, ...names: readonly string[]) =>
    names.reduce((before, name) => changed(before, name, { currentState: unknown }), judged);

  test("an instance or volume that is not protected is named", () => {
    const judged = changed(
      changed(stack, "gra-haproxy-1", {}, { isProtected: false }),
      "gra-es-2-data",
      {},
      { isProtected: false },
    );
    expect(findings("hosts-are-protected", judged)).toEqual([
      expect.stringContaining("The data volume gra-es-2-data is not protected"),
      expect.stringContaining("The host gra-haproxy-1 is not protected"),
    ]);
  });

  test("one may be replaced, two may not, by their instances or their volumes", () => {
    expect(findings("one-data-host-at-a-time", taken(stack, "gra-es-1", "gra-es-1-data"))).toEqual([]);
    expect(findings("one-data-host-at-a-time", taken(stack, "gra-es-1", "gra-es-3-data"))).toEqual([
      expect.stringMatching(/replaces or resizes 2 data hosts at once \(gra-es-1, gra-es-3\)/),
    ]);
  });

  test("several may be new: a new host has no key yet", () => {
    const fresh = taken(stack, "gra-es-2", "gra-es-2-data", "gra-es-3", "gra-es-3-data");
    const judged = ["gra-es-2-key", "gra-es-3-key"].reduce(
      (before, name) => changed(before, name, { privateKeyPem: unknown }),
      fresh,
    );
    expect(findings("one-data-host-at-a-time", judged)).toEqual([]);
  });

  test("none may be replaced while the other region's change replaces one", () => {
    const judged = taken(stack, "gra-es-1");
    expect(findings("one-data-host-at-a-time", judged, { disturbed: { bhs: ["bhs-es-2"] } })).toEqual([
      expect.stringMatching(/takes down gra-es-1, and the one that is pending in bhs takes down bhs-es-2/),
    ]);
    expect(findings("one-data-host-at-a-time", judged, { disturbed: { bhs: [], gra: ["gra-es-1"] } })).toEqual([]);
  });
});

describe("remote clusters", () => {
  test("with API keys the transport is for the region's own nodes, and the port of the keys for the other region's", async () => {
    const keyed = await fittingStack({ remoteClusterSecurity: "api_key" });
    const opened = (port: number, source: string) =>
      findings("peers-only", changed(keyed, "gra-elasticsearch", opening(port, source)));
    expect(opened(9300, "192.168.2.11/32")).toEqual([expect.stringMatching(/none of the Elasticsearch nodes of gra/)]);
    expect(opened(9443, "192.168.1.12/32")).toEqual([
      expect.stringMatching(/none of the Elasticsearch nodes of the other/),
    ]);
    expect(opened(9443, "192.168.1.101/32")).toHaveLength(1);
  });

  test("a stack that secures them otherwise than another one", () => {
    const remoteClusterSecurity = { bhs: "api_key", gra: "api_key", witness: "certificate" };
    expect(findings("one-remote-security", stack, { remoteClusterSecurity })).toEqual([
      expect.stringMatching(/gra is configured with remoteClusterSecurity certificate, bhs with api_key/),
    ]);
  });

  test("a node that accepts or offers keys without TLS", () => {
    const content = "remote_cluster_server.enabled: true\n";
    const files = [{ path: "/etc/elasticsearch/elasticsearch.yml", content }];
    const props = { stdin: JSON.stringify({ files }) };
    const command = { type: types.command, name: "node", urn: "urn:node", props, isProtected: true, sources: {} };
    const [message] = findings("no-plaintext-service", { ...stack, resources: [command] });
    expect(message).toContain("`xpack.security.remote_cluster_server.ssl.enabled: true`");
    expect(message).toContain("`xpack.security.remote_cluster_client.ssl.enabled: true`");
  });
});

describe("software", () => {
  test("a version that is not exact, and one that differs from another stack's", () => {
    const versions = {
      bhs: { elasticsearch: "9.5.2", image: "Debian 13" },
      gra: { elasticsearch: "1.0.0", image: "" },
    };
    expect(findings("versions-are-pinned", stack, { versions })).toEqual([
      expect.stringMatching(
        /gra is configured with Elasticsearch 9\.5\.3 and Debian 13, bhs with 9\.5\.2 and Debian 13/,
      ),
    ]);
  });

  test.each([
    ["8g", "b3-16", null],
    ["9g", "b3-16", "may be 8 GB at most"],
    ["31g", "r3-64", null],
    ["32g", "r3-128", "may be 31 GB at most"],
    ["4097m", "b3-8", "may be 4 GB at most"],
    [undefined, "d2-2", "needs 4 GB at least"],
    ["1g", "a flavor of another naming", null],
  ])("a heap of %s with the flavor %s", async (heap, elasticsearch, message) => {
    const judged = await fittingStack({
      elasticsearch: JSON.stringify({ licence: "trial", ...(heap === undefined ? {} : { heap }) }),
      flavors: JSON.stringify({ elasticsearch }),
    });
    expect(findings("heap-fits-flavor", judged)).toEqual(message === null ? [] : [expect.stringContaining(message)]);
  });
});

describe("certificates", () => {
  const days = (count: number) => () => new Date(Date.now() + count * 86_400_000);

  test.each([
    [0, null],
    [3_650 - 170, /ends in 1\d\d days/],
    [3_650 - 300, /would be valid for 397 days, its authority for 30\d/],
    [3_700, /has ended/],
  ])("an authority of ten years after %i days", (count, message) => {
    const rule = authorityIsValid(days(count));
    const [certificate] = stack.resources.filter(({ type }) => rule.types.includes(type));
    if (certificate === undefined) throw new Error("no certificate");
    expect(rule.check(certificate)).toEqual(message === null ? [] : [expect.stringMatching(message)]);
  });

  test("a certificate near its end that the change does not renew is named, and not one that it renews", () => {
    const rule = certificatesAreFresh(days(3_652 - 20));
    const renewed = stack.resources.map(({ name }) => name).filter((name) => /haproxy.*-certificate/.test(name));
    const judged = renewed.reduce((before, name) => changed(before, name, { certPem: unknown }), stack);
    const names = rule.check(judged, {}).map(({ message }) => message.split(" ")[0]);
    expect(names).toEqual(["gra-es-1-certificate", "gra-es-2-certificate", "gra-es-3-certificate"]);
  });
});

describe("secrets", () => {
  const leaf = (path: string, text: string, isSecret = false) => ({ path, text, isSecret });
  const document = JSON.stringify({
    elasticPassword: "correct-horse-battery",
    url: "https://192.168.1.11:9200",
    files: [
      { path: "/etc/etcd/root-password", content: "staple-staple-staple\n" },
      { path: "/etc/etcd/member.json", content: "nothing to hide at all" },
    ],
  });

  test("the secrets of a document are known, and not what is beside them", () => {
    const unknownYet = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    const leaves = [
      leaf("stdin", document, true),
      leaf("connection.privateKey", unknownYet, true),
      leaf("password", "short", true),
    ];
    expect(secretWords(leaves)).toEqual(["correct-horse-battery", "staple-staple-staple"]);
  });

  test.each([
    ["an input", leaf("stdin", "echo correct-horse-battery"), "has a secret in plain text in stdin"],
    ["a key by its form", leaf("stdin", "-----BEGIN EC PRIVATE KEY-----\nMH"), "has a private key in plain text"],
    ["a URL by its form", leaf("environment.PROXY", "http://me:mine@proxy:3128"), "has a URL with a password"],
    ["a plain document", leaf("stdin", '{"elasticPassword":"hunter2"}'), "has a password in plain text"],
    [
      "the text of a command, also as a secret",
      leaf("create", "curl -u a:b", true),
      "The text of step (create) has a secret",
    ],
  ])("a secret in %s is named, and the message shows none", (_, shown, message) => {
    const [found = ""] = exposedSecrets("step", [shown], secretWords([leaf("stdin", document, true)]));
    expect(found).toContain(message);
    expect(found).not.toMatch(/correct-horse|hunter2|mine@/);
  });

  test("a marked input, and a plain one without a secret, are accepted", () => {
    const leaves = [
      leaf("stdin", document, true),
      leaf("create", "sudo install.sh 9.5.3"),
      leaf("stdin", '{"password":""}'),
    ];
    expect(exposedSecrets("step", leaves, secretWords(leaves))).toEqual([]);
  });

  test("texts are found at any depth", () => {
    expect(leavesOf({ connection: { host: "h", tags: ["a"] }, size: 3 })).toEqual([
      leaf("connection.host", "h"),
      leaf("connection.tags[0]", "a"),
    ]);
  });
});
