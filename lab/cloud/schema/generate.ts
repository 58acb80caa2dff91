import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { extractSchema, type PackageSelection } from "./extract.ts";
import { type PackageName, packageNames, schemaFile } from "./schema.ts";

const npm = (name: string): string => fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url));

/** Modules that the lab's cloud serves; the providers refuse all others. */
const selections: Readonly<Record<PackageName, Omit<PackageSelection, "name">>> = {
  ovh: {
    directory: npm("@ovhcloud/pulumi-ovh"),
    resources: [
      "cloudSSHKey",
      "cloudNetworkPrivateVrack",
      "cloudNetworkPrivateVrackSubnet",
      "cloudGateway",
      "cloudSecurityGroup",
      "cloudInstanceGroup",
      "cloudStorageBlockVolume",
      "cloudInstance",
      "domain/zoneRecord",
    ],
    functions: [
      "getCloudInstanceFlavors",
      "getCloudInstanceImages",
      "getCloudInstances",
      "getCloudQuota",
      "getCloudRegions",
      "getCloudStorageBlockVolumes",
      "cloudproject/getVRack",
    ],
  },
  command: {
    directory: npm("@pulumi/command"),
    resources: ["remote/command", "remote/copyToRemote", "local/command"],
    functions: [],
  },
  tls: {
    directory: npm("@pulumi/tls"),
    resources: ["privateKey", "selfSignedCert", "certRequest", "locallySignedCert"],
    functions: [],
  },
  random: {
    directory: npm("@pulumi/random"),
    resources: ["randomPassword", "randomString", "randomId"],
    functions: [],
  },
};

/** The schema file of a package, derived from the installed npm package. */
export function generatedSchema(name: PackageName): string {
  return `${JSON.stringify(extractSchema({ name, ...selections[name] }), null, 2)}\n`;
}

if (import.meta.main) {
  for (const name of packageNames) writeFileSync(schemaFile(name), generatedSchema(name));
}
