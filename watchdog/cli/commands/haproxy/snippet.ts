import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { basicAuthorization } from "../../../adapters/elasticsearch/authorizations.ts";
import { backendsSnippet, frontendSnippet } from "../../../adapters/haproxy/snippet.ts";
import { readSecrets } from "../../../config/files.ts";
import { parseConfigFile } from "../../../config/load.ts";
import { regionAccess } from "../../../config/region-access.ts";
import { writeFileAtomically } from "../../../util/files.ts";
import type { CommandContext } from "../../context.ts";
import { routerOf } from "./router.ts";

export function addSnippet(haproxy: Command, { configFile, print }: CommandContext): void {
  haproxy
    .command("snippet")
    .description("write what a haproxy.cfg of one's own needs: the regions' backends, and the rules of each frontend")
    .option(
      "-o, --output <directory>",
      "where to write backends.cfg (secret) and frontend.cfg; default: haproxy beside the configuration",
    )
    .action(async ({ output }: { output?: string }) => print(await writeSnippet(configFile(), output)));
}

/** @returns what was written, and what to do with it */
export async function writeSnippet(
  configFile: string,
  directory = path.join(path.dirname(configFile), "haproxy"),
): Promise<string> {
  const config = await parseConfigFile(configFile);
  const { ticketMapFile, configFile: haproxyCfg } = routerOf(config, configFile);
  const { entry } = config;
  if (entry === null) {
    throw new Error(`${configFile}: add the section entry, whose user HAProxy's health checks use as well`);
  }
  const [password] = await readSecrets("entry.passwordFile", entry.passwordFile);
  const names = Object.keys(config.regions);
  const regions = Object.fromEntries(
    names.map((region) => {
      const { nodes, ca } = regionAccess(config, region);
      return [region, { nodes, caFile: ca?.file ?? null }];
    }),
  );
  const backends = path.join(directory, "backends.cfg");
  const frontend = path.join(directory, "frontend.cfg");
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const authorization = basicAuthorization(entry.username, password);
  await writeFileAtomically(backends, backendsSnippet(regions, authorization), { mode: 0o600 });
  await writeFileAtomically(frontend, frontendSnippet(names, ticketMapFile), { mode: 0o644 });
  return [
    `Wrote ${backends}, with the health check's password in it, and ${frontend}.`,
    `1. Put the rules of frontend.cfg into each frontend of ${haproxyCfg} that leads to Elasticsearch.`,
    `2. Have HAProxy read both files, backends.cfg last: EXTRAOPTS="-f ${backends} …" in /etc/default/haproxy.`,
    `3. haproxy -c -f ${haproxyCfg} -f ${backends}`,
    `4. es-failover haproxy check ${haproxyCfg} ${backends}`,
  ].join("\n");
}
