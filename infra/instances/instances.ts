import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../config/schema.ts";
import { contains, parseCidr } from "../ipv4.ts";
import type { SecurityGroups } from "../security-groups.ts";
import { type Host, hostsOf, type RegionPlan, type Role } from "../topology/model.ts";

export interface InstancesArgs {
  readonly config: Pick<
    StackConfig,
    "serviceName" | "network" | "flavors" | "resize" | "image" | "dataVolume" | "protect" | "sshPublicKey"
  >;
  readonly region: RegionPlan;
  readonly network: { readonly networkId: pulumi.Output<string>; readonly subnetId: pulumi.Output<string> };
  readonly securityGroups: SecurityGroups;
}

/** A host that exists. */
export interface Instance {
  readonly host: Host;
  readonly id: pulumi.Output<string>;
  /** Absent where it has none. */
  readonly publicIp?: pulumi.Output<string>;
  /** The flavor that it has, which is not the configured one until it is its turn. */
  readonly flavorId: pulumi.Output<string>;
  /** The data volume of an Elasticsearch node. */
  readonly dataVolumeId?: pulumi.Output<string>;
}

/** Members of an anti-affinity group: OVHcloud's bound, which its Managed Kubernetes service documents. */
const GROUP_MAX = 5;

/** What the instances of a site have in common. */
interface Common {
  readonly imageId: pulumi.Output<string>;
  readonly flavorId: (role: Role) => pulumi.Output<string>;
  readonly sshKey: { readonly name: string; readonly resource: pulumi.Resource };
}

/**
 * The site's hosts: Elasticsearch nodes and HAProxy hosts, or the witness. Each role is spread over hypervisors. Each host
 * has its pinned address on the private network, and before it a public interface, where it is to have one.
 */
export class Instances extends pulumi.ComponentResource {
  readonly instances: readonly Instance[];

  constructor(name: string, args: InstancesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:instances:Instances", name, {}, opts);
    const { config, region } = args;
    const place = { serviceName: config.serviceName, region: region.ovhRegion };
    const images = ovh.getCloudInstanceImagesOutput(place, { parent: this }).images;
    const flavors = ovh.getCloudInstanceFlavorsOutput(place, { parent: this }).flavors;
    const common: Common = {
      imageId: findId(images, config.image, "image", place.region),
      flavorId: (role) => findId(flavors, config.flavors[role], "flavor", place.region),
      sshKey: this.sshKey(name, args),
    };
    this.instances = (["elasticsearch", "haproxy", "witness"] as const).flatMap((role) =>
      this.ofRole(role, common, args),
    );
    this.registerOutputs({});
  }

  /**
   * Keys belong to the OVHcloud project, so each site needs a name of its own. Instances refer to it by this name and not by an
   * output: when the key is replaced, an output is unknown in the preview, and would replace every instance with it.
   */
  private sshKey(stack: string, { config, region }: InstancesArgs): Common["sshKey"] {
    const { serviceName, sshPublicKey: publicKey } = config;
    const name = `es-failover-${region.name}`;
    const resource = new ovh.CloudSSHKey(
      `${stack}-ssh-key`,
      { serviceName, name, publicKey },
      // The project has one key of a name.
      { parent: this, deleteBeforeReplace: true },
    );
    return { name, resource };
  }

  /** The hosts of a role, in groups that keep their members on different hypervisors. */
  private ofRole(role: Role, common: Common, args: InstancesArgs): Instance[] {
    const { config, region } = args;
    const hosts = hostsOf(region, role);
    const groups = Array.from({ length: Math.ceil(hosts.length / GROUP_MAX) }, (_, n) => {
      // The first one has the name from before there were several.
      const suffix = n === 0 ? "" : `-${n + 1}`;
      return new ovh.CloudInstanceGroup(
        `${region.name}-${role}-group${suffix}`,
        {
          serviceName: config.serviceName,
          region: region.ovhRegion,
          name: `es-failover-${region.name}-${role}${suffix}`,
          policy: "ANTI_AFFINITY",
        },
        { parent: this },
      );
    });
    return hosts.flatMap((host, n) => {
      const group = groups[Math.floor(n / GROUP_MAX)];
      return group === undefined ? [] : [this.instance(host, group.id, common, args)];
    });
  }

  private instance(host: Host, groupId: pulumi.Output<string>, common: Common, args: InstancesArgs): Instance {
    const { config, region } = args;
    const volume = host.role === "elasticsearch" ? this.dataVolume(host, args) : undefined;
    const flavorId = common.flavorId(host.role);
    const instance = new ovh.CloudInstance(
      host.name,
      {
        serviceName: config.serviceName,
        region: region.ovhRegion,
        name: host.name,
        flavorId,
        imageId: common.imageId,
        groupId,
        sshKeyName: common.sshKey.name,
        securityGroupIds: args.securityGroups.of(host),
        networks: [
          ...(host.hasPublicAddress ? [{ autoAssignPublicIp: true }] : []),
          { networkId: args.network.networkId, subnetId: args.network.subnetId, ip: host.privateIp },
        ],
        ...(region.availabilityZones ? { availabilityZone: host.zone } : {}),
        ...(volume === undefined ? {} : { volumeIds: [volume.id] }),
      },
      {
        parent: this,
        protect: config.protect,
        dependsOn: [common.sshKey.resource],
        // OVHcloud sometimes publishes a new image under the same name; to follow it would wipe every root disk. A new flavor
        // restarts the host: all of a role would be down at once.
        ignoreChanges: ["imageId", ...(config.resize === host.name ? [] : ["flavorId"])],
        // Only one instance at a time can have the pinned address and the volume.
        deleteBeforeReplace: true,
      },
    );
    noteOldFlavor(host.name, instance.flavorId, flavorId);
    return {
      host,
      id: instance.id,
      flavorId: instance.flavorId,
      ...(host.hasPublicAddress
        ? { publicIp: instance.currentState.apply((state) => publicAddress(host.name, state, config.network.cidr)) }
        : {}),
      ...(volume === undefined ? {} : { dataVolumeId: volume.id }),
    };
  }

  private dataVolume(host: Host, { config, region }: InstancesArgs): ovh.CloudStorageBlockVolume {
    return new ovh.CloudStorageBlockVolume(
      `${host.name}-data`,
      {
        serviceName: config.serviceName,
        region: region.ovhRegion,
        name: `${host.name}-data`,
        size: config.dataVolume.sizeGb,
        volumeType: config.dataVolume.type,
        ...(region.availabilityZones ? { availabilityZone: host.zone } : {}),
      },
      { parent: this, protect: config.protect },
    );
  }
}

/** A changed flavor that has no effect yet would look like a forgotten one. */
function noteOldFlavor(name: string, has: pulumi.Output<string>, wanted: pulumi.Output<string>): void {
  pulumi.all([has, wanted]).apply(([old, next]) => {
    if (old === next) return;
    void pulumi.log.warn(
      `${name} keeps its flavor, which is not the configured one: resize one host after the other, with \`pulumi config set resize ${name}\` ` +
        "(docs/operations.md, Changing things).",
    );
  });
}

/**
 * The id of a name in one of OVHcloud's catalogues.
 *
 * @throws RunError that lists the catalogue's names when it lacks the name
 */
function findId(
  catalogue: pulumi.Output<readonly { readonly id: string; readonly name: string }[]>,
  wanted: string,
  what: "image" | "flavor",
  region: string,
): pulumi.Output<string> {
  return catalogue.apply((entries) => {
    const id = entries.find(({ name }) => name === wanted)?.id;
    if (id !== undefined) return id;
    const names = entries.map(({ name }) => name).sort();
    throw new pulumi.RunError(
      `OVHcloud offers no ${what} named "${wanted}" in ${region}. There are: ${names.join(", ")}.`,
    );
  });
}

/** The instance's IPv4 address outside the private network. */
function publicAddress(name: string, state: ovh.types.output.CloudInstanceCurrentState, privateCidr: string): string {
  const privateNetwork = parseCidr(privateCidr);
  const isPrivate = (ip: string) => {
    const address = parseCidr(`${ip}/32`);
    return privateNetwork !== undefined && address !== undefined && contains(privateNetwork, address);
  };
  const address = state.networks
    // The API omits the list of a network without addresses, against the package's types.
    .flatMap(
      ({ addresses }: { readonly addresses: (typeof state.networks)[number]["addresses"] | null }) => addresses ?? [],
    )
    .find(({ version, ip }) => version === 4 && !isPrivate(ip))?.ip;
  if (address === undefined) {
    throw new pulumi.RunError(`${name} has no public IPv4 address: check its interfaces in the OVHcloud console.`);
  }
  return address;
}
