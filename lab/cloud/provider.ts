import type { ProviderPackage } from "./protocol/package.ts";
import { serve } from "./protocol/server.ts";
import { type PackageName, packageNames } from "./schema/schema.ts";

/** The program of lab/cloud/plugins/pulumi-resource-*: serves the package that its first argument names. */

async function packageNamed(name: PackageName): Promise<ProviderPackage> {
  // Loads one package only: every run of the engine starts four providers, and start-up time adds up.
  switch (name) {
    case "ovh": {
      const [{ ovhPackage }, { LabCloud, labDirectoryVariable }] = await Promise.all([
        import("./ovh/package.ts"),
        import("./ovh/cloud.ts"),
      ]);
      return ovhPackage(new LabCloud(process.env[labDirectoryVariable]));
    }
    case "command":
      return (await import("./command/package.ts")).commandPackage();
    case "tls":
      return (await import("./tls/package.ts")).tlsPackage();
    case "random":
      return (await import("./random/package.ts")).randomPackage();
    default:
      return name satisfies never;
  }
}

const [asked, engineAddress] = process.argv.slice(2);
const name = packageNames.find((known) => known === asked);
if (name === undefined) throw new Error(`Usage: node provider.ts ${packageNames.join("|")} [ENGINE ADDRESS]`);
await serve(await packageNamed(name), engineAddress);
