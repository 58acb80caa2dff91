import type { ProviderPackage } from "../protocol/package.ts";
import { packageSchema } from "../schema/schema.ts";
import { getCloudInstanceFlavors, getCloudInstanceImages } from "./catalog.ts";
import type { Cloud } from "./cloud.ts";
import { assertCredentials } from "./credentials.ts";
import { gatewayKind } from "./gateway.ts";
import { instanceType } from "./instance.ts";
import { instanceGroupKind } from "./instance-group.ts";
import { networkKind } from "./network.ts";
import { projectFunctions } from "./project.ts";
import { recordedType } from "./recorded-type.ts";
import { securityGroupKind } from "./security-group.ts";
import { sshKeyKind } from "./ssh-key.ts";
import { subnetKind } from "./subnet.ts";
import { volumeKind } from "./volume.ts";
import { zoneRecordType } from "./zone-record.ts";

/** The lab's stand-in for OVHcloud's Public Cloud: instances are lab hosts, security groups their firewalls. */
export function ovhPackage(cloud: Cloud): ProviderPackage {
  return {
    schema: packageSchema("ovh"),
    resources: {
      "ovh:index/cloudSSHKey:CloudSSHKey": recordedType(cloud, sshKeyKind),
      "ovh:index/cloudNetworkPrivateVrack:CloudNetworkPrivateVrack": recordedType(cloud, networkKind),
      "ovh:index/cloudNetworkPrivateVrackSubnet:CloudNetworkPrivateVrackSubnet": recordedType(cloud, subnetKind),
      "ovh:index/cloudGateway:CloudGateway": recordedType(cloud, gatewayKind),
      "ovh:index/cloudSecurityGroup:CloudSecurityGroup": recordedType(cloud, securityGroupKind),
      "ovh:index/cloudInstanceGroup:CloudInstanceGroup": recordedType(cloud, instanceGroupKind),
      "ovh:index/cloudStorageBlockVolume:CloudStorageBlockVolume": recordedType(cloud, volumeKind),
      "ovh:index/cloudInstance:CloudInstance": instanceType(cloud),
      "ovh:Domain/zoneRecord:ZoneRecord": zoneRecordType(cloud),
    },
    configure: assertCredentials,
    functions: {
      "ovh:index/getCloudInstanceFlavors:getCloudInstanceFlavors": getCloudInstanceFlavors,
      "ovh:index/getCloudInstanceImages:getCloudInstanceImages": getCloudInstanceImages,
      ...projectFunctions(cloud),
    },
  };
}
