import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { checkRouting } from "../../../adapters/haproxy/check/check.ts";
import { resolveNames } from "../../../adapters/haproxy/check/resolve.ts";
import { hostAndPort } from "../../../adapters/haproxy/snippet.ts";
import { parseConfigFile } from "../../../config/load.ts";
import { reasonOf } from "../../../util/files.ts";
import type { CommandContext } from "../../context.ts";
import { exitCodes } from "../../exit-codes.ts";
import { jsonOption } from "../../options.ts";
import { formatRouting } from "../../output/haproxy.ts";
import { routerOf } from "./router.ts";

const help = `
The files in the order in which HAProxy reads them. \`haproxy -c\` tells whether HAProxy accepts them; this tells whether any
request could reach a region without a valid routing ticket. What Lua decides, what runs in another process, and clients that
know a node's address are not seen.`;

export function addCheckRouting(haproxy: Command, context: CommandContext): void {
  haproxy
    .command("check")
    .description("name the frontends and backends of a configuration that go around the routing ticket")
    .argument("<file...>", "HAProxy's configuration")
    .addOption(jsonOption())
    .addHelpText("after", help)
    .action((files: readonly string[], options: { json: boolean }) => check(context, files, options));
}

async function check(
  { configFile, print, finish }: CommandContext,
  names: readonly string[],
  { json }: { readonly json: boolean },
): Promise<void> {
  const config = await parseConfigFile(configFile());
  const { ticketMapFile, adminSocket } = routerOf(config, configFile());
  const nodes = Object.fromEntries(
    Object.entries(config.regions).map(([region, own]) => [
      region,
      own.nodes.map((node) => hostAndPort(new URL(node))),
    ]),
  );
  const files = await Promise.all(
    names.map(async (file) => ({ name: path.basename(file), text: await readConfiguration(file) })),
  );
  const alsoKnownAs = await resolveNames(files, nodes);
  const findings = checkRouting(files, { nodes, ticketMapFile, adminSocket, alsoKnownAs });
  print(json ? JSON.stringify(findings, null, 2) : formatRouting(findings, names));
  if (findings.some(({ kind }) => kind !== "advice")) finish(exitCodes.findings);
}

async function readConfiguration(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw new Error(`${file} cannot be read: ${reasonOf(error)}`);
  });
}
