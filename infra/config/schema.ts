import { z } from "zod";
import { addressSchema } from "../../watchdog/config/address.ts";
import { profiles } from "../../watchdog/config/profiles.ts";
import {
  checksSchema,
  leasesSchema,
  promotionSchema,
  replicationSchema,
  ticketTimings,
} from "../../watchdog/config/sections.ts";
import { parseCidr } from "../ipv4.ts";

/**
 * The stack configuration: every key that a user may set, its meaning and its default, in this one place. Values that
 * both regions share stand in Pulumi.yaml under `config`; what belongs to one region stands in Pulumi.<stack>.yaml.
 */

/** Keys carry the project's name in front, as `pulumi config` shows them. */
export const configNamespace = "es-failover";

/** Elastic's signing key for packages, as published on its installation pages. */
const elasticSigningKeyFingerprint = "46095ACC8548582C1A2699A9D27D666CD88E42B4";

/** Addresses per role in a region's network; topology.ts places the hosts. */
export const maxHostsPerRole = 80;

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, "write a name of lower-case letters, digits and hyphens, such as gra");
const cidr = z
  .string()
  .refine(
    (text) => parseCidr(text) !== undefined,
    "write an IPv4 network whose host bits are zero, such as 203.0.113.0/24",
  );
const dnsName = z
  .string()
  .regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i,
    "write a DNS name such as es.example.com",
  );
const httpUrl = z.url({ protocol: /^https?$/, error: "write an http or https URL" });
const count = (least: number) =>
  z
    .int("write a whole number")
    .min(least, `write a number from ${least} to ${maxHostsPerRole}`)
    .max(maxHostsPerRole, `write a number from ${least} to ${maxHostsPerRole}`);

const widestAdminPrefix = 8;
/** SSH from these networks only. The whole internet is refused. */
const adminCidr = cidr.refine(
  (text) => (parseCidr(text)?.prefixLength ?? widestAdminPrefix) >= widestAdminPrefix,
  "a network this wide would open SSH to the world: name your own addresses, such as 203.0.113.7/32",
);

const site = {
  /** OVHcloud's name of the region, such as GRA11. */
  ovhRegion: z.string().regex(/^[A-Z][A-Z0-9-]{1,30}$/, "write OVHcloud's name of the region, such as GRA11"),
  /** The site's part of the private network: private addresses of its hosts are pinned in it. A /24. */
  cidr: cidr.refine((text) => parseCidr(text)?.prefixLength === 24, "write a /24 network, such as 192.168.1.0/24"),
};

/** One small host in a third place, so that two of three sites still agree when one is gone. */
const witnessSchema = z.strictObject(site, "write an object with ovhRegion and cidr, or none");

const regionSchema = z.strictObject({
  ...site,
  /**
   * Failure zones over which Elasticsearch spreads copies. Where the OVHcloud region has availability zones, name
   * those and set `availabilityZones`; elsewhere each zone is one hypervisor, by the anti-affinity group.
   */
  zones: z.array(name).min(1, "name at least one zone").default(["z1", "z2", "z3"]),
  /** True when `zones` are OVHcloud availability zones, in which hosts and volumes are then placed. */
  availabilityZones: z.boolean("write true or false").default(false),
  elasticsearchNodes: count(1).default(3),
  /** Entry points of the region. 0 is allowed without a witness, when the other region has the only one. */
  haproxyNodes: count(0).default(2),
});

const packageSourceSchema = z.strictObject({
  /** Base URL of the apt repository. */
  url: httpUrl.default("https://artifacts.elastic.co/packages/9.x/apt"),
  suite: z.string().min(1).default("stable"),
  component: z.string().min(1).default("main"),
  /** Where the repository's signing key is fetched from. It is used only when its fingerprint is the pinned one. */
  signingKeyUrl: httpUrl.default("https://artifacts.elastic.co/GPG-KEY-elasticsearch"),
  signingKeyFingerprint: z
    .string()
    .regex(/^[0-9A-F]{40}$/, "write the key's fingerprint: 40 upper-case hexadecimal digits, no spaces")
    .default(elasticSigningKeyFingerprint),
});

const elasticsearchSchema = z.strictObject({
  /** Exact version: a follower's cluster must run the leader's version or a newer one, down to the patch. */
  version: z
    .string("write the version in quotes, such as '9.5.3'")
    .regex(/^\d+\.\d+\.\d+$/, "write an exact version, such as 9.5.3")
    .default("9.5.3"),
  packageSource: packageSourceSchema.prefault({}),
  /** Java heap such as "4g" or "512m". Left out, Elasticsearch sizes it by the host's memory. */
  heap: z
    .string()
    .regex(/^[1-9]\d*[mg]$/, 'write a size such as "4g" or "512m"')
    .optional(),
  /** `trial`: 30 days of every feature. `file`: your licence, stored as the secret es-failover:licenceFile. */
  licence: z.enum(["trial", "file"], "write trial or file").default("trial"),
});

const flavorsSchema = z.strictObject({
  elasticsearch: z.string().min(1).default("b3-16"),
  haproxy: z.string().min(1).default("b3-8"),
  witness: z.string().min(1).default("d2-2"),
});

const dataVolumeSchema = z.strictObject({
  sizeGb: z.int("write a whole number of gigabytes").min(1, "write at least 1").default(200),
  type: z.enum(["CLASSIC", "HIGH_SPEED", "HIGH_SPEED_GEN2"]).default("HIGH_SPEED_GEN2"),
});

const networkSchema = z.strictObject({
  /** The vRack network that spans both regions. */
  cidr: cidr.default("192.168.0.0/16"),
  /** The same VLAN in every region makes one network of them. */
  vlanId: z.int("write a whole number").min(1, "write 1 to 4094").max(4094, "write 1 to 4094").default(42),
});

function parseJson(text: string, context: z.core.$RefinementCtx, hint: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: "custom", message: hint });
    return z.NEVER;
  }
}

/** Values arrive as text; what is structured arrives as JSON. */
function structured<Schema extends z.ZodType>(schema: Schema) {
  return z
    .string()
    .transform((text, context) => parseJson(text, context, "write an object with the keys below it, not plain text"))
    .pipe(schema);
}

/** The same, where the word `none` stands for an absence. */
function structuredOrNone<Schema extends z.ZodType>(schema: Schema) {
  return z
    .string()
    .transform((text, context) =>
      text.trim() === "none" ? null : parseJson(text, context, "write an object with the keys below it, or none"),
    )
    .pipe(schema.nullable());
}

/** A list as JSON or, handier on the command line, as text with commas. */
function list<Schema extends z.ZodType>(schema: Schema) {
  return z
    .string()
    .transform((text, context) =>
      text.trim().startsWith("[") ? parseJson(text, context, "write a list") : splitAtCommas(text),
    )
    .pipe(schema);
}

export const splitAtCommas = (text: string) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

const secretFromInit = z
  .string()
  .trim()
  .min(1, "it is empty: remove the key with `pulumi config rm` and run `npm run init`");

export const stackSchema = z.strictObject({
  /** Which of the regions this stack is, or `witness`. */
  region: name,
  /** ID of the OVHcloud Public Cloud project. */
  serviceName: z
    .string("is missing: set the ID of your OVHcloud Public Cloud project, 32 hexadecimal digits")
    .regex(/^[0-9a-f]{32}$/, "write the ID of your OVHcloud Public Cloud project: 32 hexadecimal digits"),
  /** Both regions, by name. Every stack plans all sites from here, so that none needs another's outputs. */
  regions: structured(
    z
      .record(name, regionSchema)
      .refine((regions) => Object.keys(regions).length === 2, "name exactly two regions, such as gra and bhs"),
  ),
  /**
   * The third site, or `none`. Without one there is no quorum to decide by: the watchdog then keeps its state in a file,
   * and there may be a single HAProxy host.
   */
  witness: structuredOrNone(witnessSchema),
  network: structured(networkSchema).prefault("{}"),
  /** Networks from which administrators, and Pulumi, reach the hosts by SSH. */
  adminCidrs: list(z.array(adminCidr).min(1, "name at least one network: Pulumi itself provisions over SSH")),
  /** Networks from which applications outside the private network may use the entry. */
  clientCidrs: list(z.array(cidr)).prefault("[]"),
  /** Further DNS names by which applications reach the entry; they go into its certificates. */
  entryNames: list(z.array(dnsName)).prefault("[]"),
  /**
   * What the endpoint service on the HAProxy hosts tells applications to use while a region serves, by region: an entry
   * of that region, or its Elasticsearch; `none`: there is no endpoint service. See docs/applications.md.
   */
  endpointAddresses: structuredOrNone(z.record(name, addressSchema)).prefault("none"),
  flavors: structured(flavorsSchema).prefault("{}"),
  /** Name of the operating system's image as OVHcloud lists it. */
  image: z.string().min(1).default("Debian 13"),
  /** The image's user that may use sudo without a password. */
  sshUser: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]*$/, "write a user's name, such as debian")
    .default("debian"),
  dataVolume: structured(dataVolumeSchema).prefault("{}"),
  elasticsearch: structured(elasticsearchSchema).prefault("{}"),
  replication: structured(replicationSchema),
  checks: structured(checksSchema).prefault("{}"),
  promotion: structured(promotionSchema).prefault("{}"),
  router: structured(z.strictObject(ticketTimings)).prefault("{}"),
  leases: structured(leasesSchema).prefault("{}"),
  /** Region that is active when no other record exists. After that, roles belong to the watchdog alone. */
  firstPrimary: name,
  /** Caching proxy for apt on the hosts. */
  aptProxy: httpUrl.optional(),
  /** Guards instances and data volumes against deletion by `pulumi destroy` and by replacement. */
  protect: z.stringbool("write true or false").prefault("true"),
  caCertificate: secretFromInit,
  caPrivateKey: secretFromInit,
  sshPublicKey: secretFromInit,
  sshPrivateKey: secretFromInit,
  watchdogPassword: secretFromInit,
  haproxyCheckPassword: secretFromInit,
  appPassword: secretFromInit,
  /** Password of etcd's root user, which only provisioning uses. */
  etcdRootPassword: secretFromInit,
  /** Password of the watchdogs' user of etcd. */
  etcdPassword: secretFromInit,
  /** The licence, a JSON document, when `elasticsearch.licence` is `file`. */
  licenceFile: z.string().optional(),
});

/** The configuration as the program uses it: timings that are left out follow `checks.profile`. */
export const stackConfigSchema = stackSchema.transform(
  ({ checks: { profile, ...checks }, router, leases, ...rest }) => {
    const { store, failsafe, etcd, ...timings } = profiles[profile];
    return {
      ...rest,
      checks: { profile, ...timings.checks, ...checks },
      router: { ...timings.router, ...router },
      leases: { ...timings.leases, ...leases },
      store,
      failsafe,
      etcd,
    };
  },
);

/** What `npm run init` creates, and what every stack holds alike. */
export const initKeys = [
  "caCertificate",
  "caPrivateKey",
  "sshPublicKey",
  "sshPrivateKey",
  "watchdogPassword",
  "haproxyCheckPassword",
  "appPassword",
  "etcdRootPassword",
  "etcdPassword",
] as const satisfies (keyof z.input<typeof stackSchema>)[];
export type InitKey = (typeof initKeys)[number];

/** Keys whose values never appear in a message. */
export const secretKeys: readonly string[] = [...initKeys, "licenceFile"];

export type StackConfig = z.output<typeof stackConfigSchema>;
export type PackageSource = z.output<typeof packageSourceSchema>;
