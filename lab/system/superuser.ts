import { z } from "zod";
import type { Region } from "./configuration.ts";
import type { TwoRegions } from "./two-regions.ts";

const stateSchema = z.object({
  deployment: z.object({
    resources: z.array(
      z.object({ urn: z.string(), outputs: z.object({ result: z.unknown() }).partial().optional() }).loose(),
    ),
  }),
});
const secretSchema = z.object({ plaintext: z.string() });

export interface SuperuserRequest {
  /** Default: PUT. */
  readonly method?: "PUT" | "POST" | "DELETE";
  /** Such as `/_cluster/settings`. */
  readonly path: string;
  readonly body?: unknown;
  /** Host that may reach Elasticsearch; default: the router of bhs. */
  readonly from?: string;
  /** The CA's file on that host. */
  readonly caFile?: string;
}

/** A request to the first node of a region as `elastic`. @throws Error unless the answer is 200 */
export async function asSuperuser(
  system: TwoRegions,
  region: Region,
  { method = "PUT", path, body, from, caFile = "/etc/es-failover/ca.crt" }: SuperuserRequest,
): Promise<void> {
  const [node = ""] = await system.hosts.names(new RegExp(`^${region}-es-`));
  const address = (await system.lab.host(node))?.privateIp;
  const answer = await system.hosts.request(from ?? (await system.hosts.router()), {
    ...{ url: `https://${address}:9200${path}`, method, caFile, body },
    user: { name: "elastic", password: await superuserPassword(system, region) },
  });
  if (answer.status === 200 || answer.status === 201) return;
  throw new Error(`${region}: ${method} ${path}: ${answer.status} ${answer.body.slice(0, 300)}${answer.error}`);
}

const known = new WeakMap<TwoRegions, Map<Region, Promise<string>>>();

/** Each region has its own superuser password, which only its stack's state holds; to read that takes seconds. */
function superuserPassword(system: TwoRegions, region: Region): Promise<string> {
  const ofRegions = known.get(system) ?? new Map<Region, Promise<string>>();
  known.set(system, ofRegions);
  const password = ofRegions.get(region) ?? readPassword(system, region);
  ofRegions.set(region, password);
  return password;
}

async function readPassword({ engine }: TwoRegions, region: Region): Promise<string> {
  const state = stateSchema.parse(
    JSON.parse(await engine.run(["stack", "export", "--show-secrets", "--stack", region])),
  );
  const resource = state.deployment.resources.find(({ urn }) => urn.endsWith(`::${region}-elastic`));
  return z.string().parse(JSON.parse(secretSchema.parse(resource?.outputs?.result).plaintext));
}
