import { connect } from "node:net";

/**
 * Why the command provider could not log in to any host, as a sentence with what to do; null when it can try. It opens the
 * agent that the environment names before each connection, although the program's key needs none, and fails if that is dead:
 * after the instances have been made.
 */
export async function deadAgent(environment: Readonly<Record<string, string | undefined>>): Promise<string | null> {
  const socket = environment["SSH_AUTH_SOCK"];
  if (socket === undefined || socket === "" || (await answers(socket))) return null;
  return `SSH_AUTH_SOCK names an SSH agent that does not answer (${socket}), and every command on a host would fail: \`unset SSH_AUTH_SOCK\`, or start the agent.`;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: 2_000 });
    const end = (isAlive: boolean) => () => {
      socket.destroy();
      resolve(isAlive);
    };
    socket.once("connect", end(true)).once("error", end(false)).once("timeout", end(false));
  });
}
