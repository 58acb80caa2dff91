import { z } from "zod";
import { addressSchema } from "../../watchdog/config/address.ts";
import { publisherSchema } from "../../watchdog/config/applications.ts";
import { canarySchema } from "../../watchdog/config/canary.ts";
import { hooksSchema } from "../../watchdog/config/hooks.ts";
import { notificationsSchema } from "../../watchdog/config/notifications.ts";
import { DEFAULT_PAGE_USER } from "../../watchdog/config/page.ts";
import { profiles } from "../../watchdog/config/profiles.ts";
import {
  checksSchema,
  etcdMemberTimings,
  etcdQuota,
  etcdTimings,
  failbackSchema,
  failsafeTimings,
  firstPrimarySchema,
  leasesSchema,
  promotionSchema,
  rejoinSchema,
  remoteClusterSecuritySchema,
  replicationSchema,
  requestTimeoutMs,
  salvageSchema,
  switchoverSchema,
  ticketTimings,
} from "../../watchdog/config/sections.ts";
import { surveysSchema } from "../../watchdog/config/surveys.ts";
import { count, httpUrl, logLevel, nameOf, regionName, text, username } from "../../watchdog/config/values.ts";
import { parseCidr, parseIpv4 } from "../ipv4.ts";
import { bastionSchema, hostKeySchema, sshUserSchema } from "./bastion.ts";
import { dnsNameOf, dnsSchema } from "./dns.ts";
import { fixableSettings } from "./fixable-settings.ts";
import { monitoringSchema, monitoringSecrets } from "./monitoring.ts";
import { snapshotsSchema } from "./snapshots.ts";

/**
 * The stack configuration: every key that a user may set, as values; decode.ts turns Pulumi's text into them. Values
 * that all sites share are in Pulumi.yaml under `config`, those of one site in Pulumi.<stack>.yaml. The watchdog's own
 * sections come from watchdog/config, so that both accept the same and refuse with the same messages.
 * docs/configuration.md is generated from this schema.
 */

/** Keys carry the project's name in front, as `pulumi config` shows them. */
export const configNamespace = "es-failover";

/** Elastic's signing key for packages, as published on its installation pages. */
const elasticSigningKeyFingerprint = "46095ACC8548582C1A2699A9D27D666CD88E42B4";

/** Addresses per role in a region's network; topology/addresses.ts places the hosts. */
export const maxHostsPerRole = 80;

const anIpv4Address = "an IPv4 address, such as 192.168.1.190";
const anIpv4Network = "an IPv4 network whose host bits are zero, such as 203.0.113.0/24";
const cidr = z
  .string(`write ${anIpv4Network}`)
  .refine((value) => parseCidr(value) !== undefined, `write ${anIpv4Network}`)
  .meta({ value: anIpv4Network });

const widestAdminPrefix = 8;
/** SSH from these networks only. The whole internet is refused. */
const adminCidr = cidr.refine(
  (value) => (parseCidr(value)?.prefixLength ?? widestAdminPrefix) >= widestAdminPrefix,
  "a network this wide would open SSH to the world: name your own addresses, such as 203.0.113.7/32",
);

/** The same bound, for a page that shows how the system is and who operates it. */
const readerCidr = cidr.refine(
  (value) => (parseCidr(value)?.prefixLength ?? widestAdminPrefix) >= widestAdminPrefix,
  "a network this wide would show the page to the world: name your own addresses, such as 203.0.113.7/32",
);

const pageSchema = z
  .strictObject(
    {
      authentication: z
        .enum(["certificate", "password", "proxy"])
        .describe(
          "`certificate`: mutual TLS, with certificates of `clientCa`. `password`: `username` with the secret `pagePassword`. " +
            "`proxy`: the page is on the host's loopback alone, for a tunnel by SSH or a proxy of yours on the host.",
        ),
      cidrs: z
        .array(readerCidr)
        .default([])
        .describe("Networks from which the page is read; empty with `proxy`. The whole internet is refused."),
      username: username.default(DEFAULT_PAGE_USER).describe("User of the page, with `password`."),
      clientCa: z
        .string()
        .regex(/-----BEGIN CERTIFICATE-----/, "write a certificate in PEM format")
        .meta({ value: "a certificate in PEM format" })
        .exactOptional()
        .describe("Certificate of the CA of your browsers' certificates, with `certificate`."),
    },
    'write at least the authentication, such as {"authentication": "proxy"}',
  )
  .nullable()
  .default(null)
  .describe("The status page of every watchdog; `none`: there is none. See docs/status-page.md.");

const site = {
  ovhRegion: text(/^[A-Z][A-Z0-9-]{1,30}$/, "OVHcloud's name of the region, such as GRA11").describe(
    "OVHcloud's name of the region.",
  ),
  cidr: cidr
    .refine((value) => parseCidr(value)?.prefixLength === 24, "write a /24 network, such as 192.168.1.0/24")
    .meta({ value: "a /24 network, such as 192.168.1.0/24" })
    .describe("The site's part of the private network, in which the private addresses of its hosts are pinned."),
  gatewayModel: z
    .enum(["S", "M", "L", "XL", "2XL", "3XL"])
    .default("S")
    .describe(
      "Model, and so the bandwidth, of OVHcloud's gateway by which hosts without a public address reach the internet. Unused " +
        "where each host has one.",
    ),
};

const witnessSchema = z
  .strictObject(
    {
      ...site,
      publicAddresses: z
        .enum(["all", "none"])
        .default("all")
        .describe("`all`: the witness has a public address. `none`: it has none, as a region's hosts."),
    },
    'write the third site, such as {"ovhRegion": "DE1", "cidr": "192.168.3.0/24"}, or none',
  )
  .nullable()
  .describe(
    "The third site: one small host, so that two of three sites still agree when one is lost. `none`: there is no quorum " +
      "to decide by, so the watchdog keeps its record in a file, and there may be one HAProxy host only.",
  );

const regionsSchema = z
  .record(
    regionName,
    z.strictObject({
      ...site,
      zones: z
        .array(regionName)
        .min(1, "name at least one zone")
        .default(["z1", "z2", "z3"])
        .describe(
          "Failure zones over which Elasticsearch spreads the copies of a shard. Where the OVHcloud region has " +
            "availability zones, name those and set `availabilityZones`; elsewhere each zone is one hypervisor, by the " +
            "anti-affinity groups: of five hosts each, so that hosts beyond the fifth may share one with an earlier one.",
        ),
      availabilityZones: z
        .boolean()
        .default(false)
        .describe("Whether `zones` are OVHcloud availability zones, in which hosts and volumes are then placed."),
      elasticsearchNodes: count(1, maxHostsPerRole).default(3).describe("Elasticsearch nodes of the region."),
      haproxyNodes: count(0, maxHostsPerRole)
        .default(2)
        .describe("HAProxy hosts, the region's entries. 0 is allowed without a witness, if the other region has one."),
      publicAddresses: z
        .enum(["all", "entries", "none"])
        .default("all")
        .describe(
          "`all`: every host of the region has a public address. `entries`: the HAProxy hosts alone have. `none`: no host has, and " +
            "applications reach the entries by the private network. A host without one is reached by `bastion`, and reaches " +
            "the internet by a gateway. See docs/operations.md.",
        ),
      virtualAddress: z
        .string(`write ${anIpv4Address}`)
        .refine((value) => parseIpv4(value) !== undefined, `write ${anIpv4Address}`)
        .meta({ value: anIpv4Address })
        .exactOptional()
        .describe(
          "Address of the entry that one of the region's HAProxy hosts holds, by keepalived: one of the region's network that no host " +
            "and no DHCP service gets, such as the 190th. See docs/applications.md.",
        ),
    }),
    "write both regions, as in the project's own Pulumi.yaml",
  )
  .refine((regions) => Object.keys(regions).length === 2, "write exactly two regions, such as gra and bhs")
  .describe("Both regions, by name. Every stack plans all sites from here, so that none needs another's outputs.");

const networkSchema = z
  .strictObject({
    cidr: cidr.default("192.168.0.0/16").describe("The vRack network that spans all sites."),
    vlanId: count(1, 4_094).default(42).describe("The same VLAN in every region makes one network of them."),
  })
  .prefault({})
  .describe("The private network.");

const flavor = (defaultName: string) =>
  z.string().min(1, "write the name of a flavor").default(defaultName).meta({ value: "the name of a flavor" });
const flavorsSchema = z
  .strictObject({
    elasticsearch: flavor("b3-16").describe("Flavor of the Elasticsearch nodes."),
    haproxy: flavor("b3-8").describe("Flavor of the HAProxy hosts."),
    witness: flavor("d2-2").describe("Flavor of the witness."),
  })
  .prefault({})
  .describe("OVHcloud's flavors of the hosts.");

const dataVolumeSchema = z
  .strictObject({
    sizeGb: count(1).default(200).meta({ unit: "GB" }).describe("Size of the volume."),
    type: z
      .enum(["CLASSIC", "HIGH_SPEED", "HIGH_SPEED_GEN2"])
      .default("HIGH_SPEED_GEN2")
      .describe("OVHcloud's type of the volume."),
  })
  .prefault({})
  .describe("Data volume of each Elasticsearch node.");

const packageSourceSchema = z
  .strictObject({
    url: httpUrl.default("https://artifacts.elastic.co/packages/9.x/apt").describe("Base URL of the apt repository."),
    suite: z.string().min(1, "write a suite").default("stable").describe("Suite of the repository."),
    component: z.string().min(1, "write a component").default("main").describe("Component of the repository."),
    signingKeyUrl: httpUrl
      .default("https://artifacts.elastic.co/GPG-KEY-elasticsearch")
      .describe(
        "Where the repository's signing key is fetched from. It is used only if its fingerprint is the pinned one.",
      ),
    signingKeyFingerprint: text(
      /^[0-9A-F]{40}$/,
      "the key's fingerprint: 40 upper-case hexadecimal digits, without spaces",
    )
      .default(elasticSigningKeyFingerprint)
      .describe("Fingerprint that pins the signing key."),
  })
  .prefault({})
  .describe("Where the hosts install Elasticsearch from.");

const elasticsearchSchema = z
  .strictObject(
    {
      version: z
        .string("write the version in quotes, such as '9.5.3'")
        .regex(/^\d+\.\d+\.\d+$/, "write an exact version, such as 9.5.3")
        .meta({ value: "an exact version, such as 9.5.3" })
        .default("9.5.3")
        .describe(
          "Version to install. A follower's cluster must run the leader's version or a newer one, down to the patch.",
        ),
      packageSource: packageSourceSchema,
      heap: text(/^[1-9]\d*[mg]$/, 'a size such as "4g" or "512m"')
        .exactOptional()
        .describe("Java heap. Left out, Elasticsearch sizes it by the host's memory."),
      licence: z
        .enum(
          ["file", "trial"],
          'write "file" and store your licence as the secret licenceFile, or "trial" for a test: trials begun on the same ' +
            "day end on the same day in both regions, after 30 days, and replication with them",
        )
        .describe(
          "`file`: your licence, stored as the secret `licenceFile`. `trial`: 30 days of every feature, for a test: it ends " +
            "in both regions on the same day, and replication with it.",
        ),
      requestTimeoutMs,
    },
    'write at least the licence, such as {"licence": "file"}',
  )
  .describe("Elasticsearch on its nodes, and the watchdogs' requests to it.");

/** A secret's message continues its key, as its value is not shown. */
const secretFromInit = (meaning: string) =>
  z
    .string()
    .trim()
    .min(1, "is empty: remove the key with `pulumi config rm` and run `npm run init`")
    .describe(`${meaning} \`npm run init\` creates it.`)
    .meta({ value: "a secret" });

const isJson = (document: string) => {
  try {
    JSON.parse(document);
    return true;
  } catch {
    return false;
  }
};

/** What `npm run init` creates; the same in every stack. */
const secretsFromInit = {
  caCertificate: secretFromInit("Certificate of the deployment's authority, PEM."),
  caPrivateKey: secretFromInit("Private key of that authority, PEM."),
  sshPublicKey: secretFromInit("SSH key of provisioning, as in authorized_keys."),
  sshPrivateKey: secretFromInit("Private part of that key, in OpenSSH's format."),
  watchdogPassword: secretFromInit("Password of the watchdogs' user of Elasticsearch."),
  haproxyCheckPassword: secretFromInit("Password of the user of HAProxy's health checks."),
  appPassword: secretFromInit("Password of the application's user `app`."),
  etcdRootPassword: secretFromInit("Password of etcd's root user, which only provisioning uses."),
  etcdPassword: secretFromInit("Password of the watchdogs' user of etcd."),
};

export const initKeys = z.strictObject(secretsFromInit).keyof().options;
export type InitKey = (typeof initKeys)[number];

/** What `npm run rotate` stores while it replaces a secret. */
const secretFromRotate = (replaced: string) =>
  z
    .string()
    .trim()
    .min(1, "is empty: remove the key with `pulumi config rm`")
    .meta({ value: "a secret" })
    .exactOptional()
    .describe(`While ${replaced} is replaced, the new value: known everywhere, and in use once \`useNext\` names it.`);

const secretsFromRotate = {
  nextCaCertificate: secretFromRotate("`caCertificate`"),
  nextCaPrivateKey: secretFromRotate("`caPrivateKey`"),
  nextWatchdogPassword: secretFromRotate("`watchdogPassword`"),
  nextHaproxyCheckPassword: secretFromRotate("`haproxyCheckPassword`"),
  nextEtcdPassword: secretFromRotate("`etcdPassword`"),
};

/** The secrets that `npm run rotate` replaces. */
export const rotatedKeys = ["caCertificate", "watchdogPassword", "haproxyCheckPassword", "etcdPassword"] as const;
export type RotatedKey = (typeof rotatedKeys)[number];
/** Where it keeps the new value meanwhile. */
export const nextKeys = {
  caCertificate: "nextCaCertificate",
  watchdogPassword: "nextWatchdogPassword",
  haproxyCheckPassword: "nextHaproxyCheckPassword",
  etcdPassword: "nextEtcdPassword",
} as const satisfies Readonly<Record<RotatedKey, keyof typeof secretsFromRotate>>;

/** Keys whose values never appear in a message. */
const secretKeys: readonly string[] = [
  ...initKeys,
  ...Object.keys(secretsFromRotate),
  "licenceFile",
  "remoteKey",
  "sshPreviousPrivateKey",
  "pagePassword",
  "notificationSecrets",
  ...Object.keys(monitoringSecrets),
  "snapshotAccessKey",
  "snapshotSecretKey",
];

/** Whether a key, or the key that holds it, has a value that never appears in a message. */
export const isSecretKey = (key: string): boolean => secretKeys.includes(key.split(/[.[]/)[0] ?? key);

const secretOfStorage = (meaning: string) =>
  z
    .string()
    .trim()
    .regex(/^\S+$/, "is empty or has a space in it")
    .meta({ value: "a secret" })
    .exactOptional()
    .describe(`${meaning} Required with \`snapshots\`.`);

const aServiceName = "the ID of your OVHcloud Public Cloud project: 32 hexadecimal digits";

/** The keys as they are written: what has a default may be left out. */
export const stackSchema = z.strictObject({
  region: nameOf("the site of this stack, such as gra").describe(
    "The site that this stack provisions: one of the regions, or `witness`.",
  ),
  serviceName: text(/^[0-9a-f]{32}$/, aServiceName).describe("The OVHcloud project in which everything is created."),
  regions: regionsSchema,
  witness: witnessSchema,
  firstPrimary: firstPrimarySchema,
  network: networkSchema,
  adminCidrs: z
    .array(adminCidr, "write the networks that you administer from, such as 203.0.113.7/32")
    .describe("Networks from which administrators, and Pulumi, reach the hosts by SSH; `[]` with a `bastion`."),
  bastion: bastionSchema,
  clientCidrs: z
    .array(cidr)
    .default([])
    .describe("Networks outside the private one from which applications may use the entries."),
  scraperCidrs: z
    .array(cidr)
    .default([])
    .describe(
      "Networks from which your Prometheus reads the metrics of every watchdog, see docs/metrics.md. Without one the watchdogs " +
        "serve no metrics.",
    ),
  page: pageSchema,
  pagePassword: z
    .string()
    .trim()
    .min(16, "is too short: write at least 16 characters")
    .meta({ value: "a secret" })
    .exactOptional()
    .describe("Password of the status page's user, when `page.authentication` is `password`: at least 16 characters."),
  entryNames: z
    .array(
      text(/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i, "a DNS name such as es.example.com"),
    )
    .default([])
    .describe("Further DNS names of the entries, for their certificates."),
  dns: dnsSchema,
  endpointAddresses: z
    .record(regionName, addressSchema)
    .nullable()
    .default(null)
    .describe(
      "What the endpoint service on the HAProxy hosts answers while a region serves, by region: an entry of that region, or " +
        "its Elasticsearch. `none`: there is no endpoint service. See docs/applications.md.",
    ),
  flavors: flavorsSchema,
  resize: nameOf("a host of this stack, such as gra-es-1")
    .exactOptional()
    .describe(
      "The host that gets the flavor of `flavors` with the next `pulumi up`, by a restart. Every other host that exists keeps " +
        "the one that it has, so that a changed flavor takes down one host at a time. See docs/operations.md.",
    ),
  drain: nameOf("the last Elasticsearch node of this stack, such as gra-es-5")
    .exactOptional()
    .describe(
      "The Elasticsearch node whose shards the next `pulumi up` moves to the others, so that it can be removed after that: the " +
        "region's last one. See docs/operations.md.",
    ),
  image: z
    .string()
    .min(1, "write the name of an image")
    .default("Debian 13")
    .describe("Operating system's image, by OVHcloud's name."),
  sshUser: sshUserSchema.default("debian").describe("The image's user that may use sudo without a password."),
  dataVolume: dataVolumeSchema,
  protect: z
    .boolean()
    .default(true)
    .describe("Guards instances and data volumes against deletion by `pulumi destroy` and by replacement."),
  securityUpgrades: z
    .enum(["automatic", "none"])
    .default("automatic")
    .describe(
      "`automatic`: the hosts install Debian's security updates by themselves, no two sites on the same day, without a reboot, and " +
        "without Elasticsearch, HAProxy and etcd. `none`: that is yours. See docs/operations.md.",
    ),
  hostKeys: z
    .record(nameOf("a host of this stack, such as gra-es-1"), hostKeySchema)
    .default({})
    .describe(
      "SSH keys of this stack's hosts, by host: Pulumi then runs nothing on a machine that shows another one. A host that is " +
        "replaced has a new key. See docs/operations.md.",
    ),
  fixedHostSettings: z
    .array(z.enum(fixableSettings))
    .default([])
    .describe(
      "What the hosts' platform fixes, as that of containers does: provisioning reports such a value where it does not suffice, " +
        "and does not fail. Virtual machines need none.",
    ),
  aptProxy: httpUrl.exactOptional().describe("Caching proxy for apt on the hosts."),
  elasticsearch: elasticsearchSchema,
  licenceFile: z
    .string()
    .refine(isJson, "is not a JSON document: store the licence as you received it")
    .meta({ value: "a secret" })
    .exactOptional()
    .describe("Your licence, when `elasticsearch.licence` is `file`."),
  sshPreviousPrivateKey: z
    .string()
    .trim()
    .meta({ value: "a secret" })
    .exactOptional()
    .describe(
      "While the SSH key of provisioning is replaced, the private part of the one before. See docs/operations.md.",
    ),
  replication: replicationSchema,
  remoteClusterSecurity: remoteClusterSecuritySchema,
  remoteKey: z
    .string()
    .trim()
    .regex(/^[A-Za-z0-9+/=]+$/, "is no encoded API key: run `npm run remote-keys -- begin`, which stores one")
    .meta({ value: "a secret" })
    .exactOptional()
    .describe(
      "The cross-cluster API key by which this region follows the other one, when `remoteClusterSecurity` is `api_key`. " +
        "`npm run remote-keys` makes it in the other region's cluster, and stores it here.",
    ),
  checks: checksSchema,
  canary: canarySchema,
  promotion: promotionSchema,
  switchover: switchoverSchema,
  rejoin: rejoinSchema,
  salvage: salvageSchema,
  failback: failbackSchema,
  hooks: hooksSchema,
  router: z.strictObject(ticketTimings).prefault({}).describe("Routing tickets of the HAProxy hosts."),
  leases: leasesSchema,
  store: z
    .strictObject({ ...etcdTimings, ...etcdQuota })
    .prefault({})
    .describe("The watchdogs' calls to etcd, and the size of its data. Unused without a witness."),
  failsafe: z
    .strictObject(failsafeTimings)
    .prefault({})
    .describe("Failsafe while etcd is unavailable. Unused without a witness."),
  snapshots: snapshotsSchema,
  snapshotAccessKey: secretOfStorage(
    "Access key of a user of that object storage who may write to the bucket, and needs no more.",
  ),
  snapshotSecretKey: secretOfStorage("Its secret key."),
  surveys: surveysSchema,
  notifications: notificationsSchema,
  notificationSecrets: z
    .record(
      text(/^[a-z0-9][a-z0-9.-]{0,60}$/, "a file's name of lower-case letters, digits, dots and hyphens"),
      z.string().trim().min(1, "is empty: write the secret, or remove its name"),
      'is no object of names and secrets, such as {"on-call-url": "…"}',
    )
    .default({})
    .meta({ value: "secrets by name" })
    .describe(
      "Secrets of the targets of `notifications`: each becomes the file `/etc/es-failover/notifications/<name>` on each host with " +
        "a watchdog, which only root and the watchdog can read. Set it as a secret.",
    ),
  monitoring: monitoringSchema,
  ...monitoringSecrets,
  etcd: z.strictObject(etcdMemberTimings).prefault({}).describe("The members of etcd. Unused without a witness."),
  publisher: publisherSchema
    .nullable()
    .default(null)
    .describe(
      "Settings of `es-failover publish`, written into watchdog.json on each host with a watchdog; `none`: not written. " +
        "Files that it names must be on the hosts already. Provisioning starts no publisher. See docs/applications.md.",
    ),
  logLevel,
  ...secretsFromInit,
  ...secretsFromRotate,
  useNext: z
    .array(z.enum(rotatedKeys))
    .default([])
    .describe(
      "Secrets of which the new value is in use, while the old one is still known. `npm run rotate` sets it. See docs/operations.md.",
    ),
});

/** The configuration as the program uses it: every default filled in. */
export const stackConfigSchema = stackSchema.transform(
  ({ checks: { profile, ...checks }, router, leases, store, failsafe, etcd, ...rest }) => {
    const timings = profiles[profile];
    const dnsName = dnsNameOf(rest.dns, rest.region);
    return {
      ...rest,
      // Certificates name every name by which applications reach the entries.
      entryNames: dnsName === undefined ? rest.entryNames : [...new Set([...rest.entryNames, dnsName])],
      checks: { profile, ...timings.checks, ...checks },
      router: { ...timings.router, ...router },
      leases: { ...timings.leases, ...leases },
      store: { ...timings.store, ...store },
      failsafe: { ...timings.failsafe, ...failsafe },
      etcd: { ...timings.etcd, ...etcd },
    };
  },
);

export type StackConfig = z.output<typeof stackConfigSchema>;
export type PackageSource = StackConfig["elasticsearch"]["packageSource"];
