import type { ResourceType } from "../protocol/package.ts";
import { commandType } from "./command-type.ts";
import { connectionOf, connectionViolations } from "./connection.ts";
import { withSshSession } from "./ssh.ts";

/** command:remote:Command: scripts on a host. */
export const remoteCommand: ResourceType = commandType({
  violations: connectionViolations,
  run: async (script, inputs, options, call) => {
    const connection = connectionOf(inputs);
    // sshd passes only variables of its AcceptEnv to the script and silently drops the rest, as on a real host.
    const outcome = await withSshSession(connection, call, (session) => session.run(script, options));
    return [outcome, `on ${connection.host}`];
  },
});
