import type { ProviderPackage } from "../protocol/package.ts";
import { packageSchema } from "../schema/schema.ts";
import { copyToRemote } from "./copy-to-remote.ts";
import { localCommand } from "./local-command.ts";
import { remoteCommand } from "./remote-command.ts";

export function commandPackage(): ProviderPackage {
  return {
    schema: packageSchema("command"),
    resources: {
      "command:remote:Command": remoteCommand,
      "command:remote:CopyToRemote": copyToRemote,
      "command:local:Command": localCommand,
    },
    functions: {},
  };
}
