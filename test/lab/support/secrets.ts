import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { initKeys } from "../../../infra/config/schema.ts";
import { stacks } from "../../../lab/system/configuration.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";

/** Secret texts, each with a name that may be shown. */
export type Needles = ReadonlyMap<string, string>;

interface StackResource {
  readonly urn: string;
  readonly type: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/** Types of resources with a secret, and the output that holds it. */
const secretOutputs: Readonly<Record<string, string>> = {
  "random:index/randomPassword:RandomPassword": "result",
  "tls:index/privateKey:PrivateKey": "privateKeyPem",
};

/** Every password and private key of all stacks; passwords also as in HTTP basic authentication. */
export async function secretsOf({ engine }: TwoRegions): Promise<Needles> {
  const needles = new Map<string, string>();
  for (const stack of stacks) {
    const config = await engine.run(["config", "--show-secrets", "--json", "--stack", stack]);
    const values = JSON.parse(config) as Record<string, { value?: string }>;
    for (const key of initKeys.filter((name) => !/Certificate|PublicKey/.test(name))) {
      for (const text of needlesOf(values[`es-failover:${key}`]?.value)) needles.set(text, key);
    }
    const state = await engine.run(["stack", "export", "--show-secrets", "--stack", stack]);
    const { resources } = (JSON.parse(state) as { deployment: { resources: readonly StackResource[] } }).deployment;
    for (const { urn, type, outputs } of resources) {
      const output = secretOutputs[type];
      if (output === undefined) continue;
      for (const text of needlesOf(plaintextOf(outputs?.[output]))) needles.set(text, `${output} of ${urn}`);
    }
  }
  return needles;
}

function plaintextOf(value: unknown): unknown {
  const { plaintext } = value as { plaintext?: string };
  return plaintext === undefined ? value : JSON.parse(plaintext);
}

const users = ["elastic", "es-failover", "haproxy-check", "app"];

function needlesOf(secret: unknown): readonly string[] {
  if (typeof secret !== "string" || secret.length < 16) throw new Error("a secret is missing, or too short for one");
  const lines = secret.trim().split("\n");
  if (lines.length === 1) return [secret, ...users.map((user) => btoa(`${user}:${secret}`))];
  // A line from the middle of a key: it is unique, and stays whole where line ends are written as \n.
  return [lines[Math.floor(lines.length / 2)] ?? ""];
}

/** Names of the needles in files below a directory, with the files. */
export async function foundInDirectory(directory: string, needles: Needles): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name));
  const found = await Promise.all(
    files.map(async (file) => {
      const names = namesIn(await readFile(file, "latin1"), needles);
      return names.map((name) => `${path.relative(directory, file)}: ${name}`);
    }),
  );
  return found.flat();
}

export function namesIn(text: string, needles: Needles): readonly string[] {
  return [...needles].filter(([needle]) => text.includes(needle)).map(([, name]) => name);
}

/** Places of a host where no secret may be. `$0` is a text that must be found; standard input has the needles. */
const places = {
  journal: 'exec grep -aohF -f - <(journalctl --quiet --output=export; echo "$0")',
  // `; true`, because bash would exec its last command and lose its own arguments.
  "arguments of processes": "grep -aohF -f - /proc/[0-9]*/cmdline; true",
  "files that everyone may read":
    'plant=$(mktemp /var/tmp/plant.XXXXXX) && echo "$0" >"$plant" && chmod 644 "$plant" && trap "rm $plant" EXIT; ' +
    "setpriv --reuid=nobody --regid=nogroup --clear-groups " +
    "grep -arsohF -D skip -f - /etc /home /opt /root /run /tmp /usr/local /var",
} as const;

/**
 * Names of the needles found on a host, with the place. Each place also has a planted text, which must be found: a search
 * that finds nothing at all proves nothing.
 */
export async function foundOnHost(system: TwoRegions, host: string, needles: Needles): Promise<readonly string[]> {
  const plant = "planted-c0ffee-planted";
  const input = [...needles.keys(), plant].map((needle) => `${needle}\n`).join("");
  const found = await Promise.all(
    Object.entries(places).map(async ([place, script]) => {
      const { stdout } = await system.lab.exec(host, ["env", "LC_ALL=C", "bash", "-c", script, plant], { input });
      const texts = new Set(stdout.split("\n"));
      if (!texts.has(plant)) return [`${host}, ${place}: not searched: the planted text was not found`];
      return [...texts].flatMap((text) => {
        const name = needles.get(text);
        return name === undefined ? [] : [`${host}, ${place}: ${name}`];
      });
    }),
  );
  return found.flat();
}
