import { messageOf } from "../../watchdog/util/errors.ts";
import type { StackConfig } from "../config/schema.ts";
import { type PreviewSetting, runPulumi } from "../preview/pulumi-preview.ts";
import { stagingDirectory } from "../provision/staging.ts";
import { accessTo, type HostOutput, hostsOutput } from "../ssh/access.ts";
import { overSsh } from "../ssh/over-ssh.ts";
import { ports } from "../topology/ports.ts";

/** One of the two regions: its stack, and how that is configured. */
export interface Side {
  readonly stack: string;
  readonly config: StackConfig;
}

/** Input of cross-cluster-keys.sh, without the address of its cluster. */
export type KeyCommand =
  | { readonly action: "make"; readonly key: object }
  | { readonly action: "end"; readonly name: string; readonly keep: string }
  | { readonly action: "show"; readonly entry: string };

/** Runs cross-cluster-keys.sh on Elasticsearch nodes. */
export interface NodeCommands {
  /** What the first node answers that carries it out. @throws Error with the reason of each where none does */
  onOne(side: Side, command: KeyCommand): Promise<unknown>;
  /** What every node answers, by its name. @throws Error with the reasons where one does not */
  onEach(side: Side, command: KeyCommand): Promise<ReadonlyMap<string, unknown>>;
}

/** Two starts of the keystore's tool, which is a Java program, and the cluster's answer. */
const ANSWER_MS = 180_000;

const script = `sudo ${stagingDirectory}/elasticsearch/cross-cluster-keys.sh`;
type Hosts = readonly (readonly [name: string, host: HostOutput])[];

/** By SSH to the hosts that the stacks' outputs name, as Pulumi itself reaches them. The command and its answer pass through no argument and no file. */
export function commandsOverSsh(setting: Pick<PreviewSetting, "directory" | "environment">): NodeCommands {
  const { environment } = setting;
  const ask = async ({ config }: Side, [name, host]: Hosts[number], command: KeyCommand) => {
    const input = JSON.stringify({ url: `https://${host.privateIp}:${ports.elasticsearchHttp}`, ...command });
    const access = accessTo(name, host, config);
    const { sshPrivateKey: privateKey } = config;
    const outcome = await overSsh({ access, privateKey, command: script, input, environment, timeoutMs: ANSWER_MS });
    if (outcome.status !== 0) throw new Error(`${name}: ${outcome.stderr.trim() || "no answer"}`);
    return JSON.parse(outcome.stdout) as unknown;
  };
  return {
    async onOne(side, command) {
      const reasons: string[] = [];
      for (const host of await nodesOf(setting, side)) {
        try {
          return await ask(side, host, command);
        } catch (error) {
          reasons.push(messageOf(error));
        }
      }
      throw new Error(reasons.join("\n"));
    },
    async onEach(side, command) {
      const hosts = await nodesOf(setting, side);
      const answers = await Promise.allSettled(hosts.map((host) => ask(side, host, command)));
      const reasons = answers.flatMap((answer) => (answer.status === "rejected" ? [messageOf(answer.reason)] : []));
      if (reasons.length > 0) throw new Error(reasons.join("\n"));
      return new Map(
        answers.flatMap((answer, position) =>
          answer.status === "fulfilled" ? [[hosts[position]?.[0] ?? "", answer.value]] : [],
        ),
      );
    },
  };
}

async function nodesOf(setting: Parameters<typeof commandsOverSsh>[0], { stack }: Side): Promise<Hosts> {
  const { status, stdout, all } = await runPulumi(setting, ["stack", "output", "hosts", "--json", "--stack", stack]);
  const missing = `${stack} has no Elasticsearch nodes yet: run \`pulumi up\` first`;
  if (status !== 0) throw new Error(`${missing}. ${all.trim()}`);
  const nodes = Object.entries(hostsOutput.parse(JSON.parse(stdout))).filter(
    ([, host]) => host.role === "elasticsearch",
  );
  if (nodes.length === 0) throw new Error(missing);
  return nodes;
}
