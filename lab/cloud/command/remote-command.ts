import type { ResourceType } from "../protocol/package.ts";
import { commandType } from "./command-type.ts";
import { connectionOf, connectionViolations } from "./connection.ts";
import { withSshSession } from "./ssh.ts";

/** AcceptEnv of Debian's sshd_config: any other variable fails the command, the previous output (PULUMI_COMMAND_…) too. */
const acceptedVariables = /^(LANG|LC_.*)$/;

/** command:remote:Command: scripts on a host. */
export const remoteCommand: ResourceType = commandType({
  violations: connectionViolations,
  run: async (script, inputs, options, call) => {
    const connection = connectionOf(inputs);
    const [refused] = Object.keys(options.env).filter((name) => !acceptedVariables.test(name));
    if (refused !== undefined) {
      throw new Error(`ssh: setenv failed (${refused}: the AcceptEnv of Debian's sshd names LANG and LC_* alone)`);
    }
    return withSshSession(connection, call, (session) => session.run(script, options));
  },
});
