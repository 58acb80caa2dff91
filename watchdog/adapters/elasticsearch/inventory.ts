import type { DefinitionKind } from "../../core/state/cluster.ts";
import type { Inventory, Items } from "../../diagnostics/drift/inventory.ts";
import { type Finding, finding } from "../../diagnostics/preflight/findings.ts";
import { normalise, readDefinitions } from "./definitions.ts";
import type { NodesOptions } from "./node-client.ts";
import { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";
import { readVersions } from "./survey.ts";

/** The other region's addresses differ by design. */
const OWN_TO_EACH_CLUSTER = /^cluster\.remote\./;

/**
 * Reads what CCR does not replicate. A kind that cannot be read is a finding, so that the others are still compared.
 *
 * @throws Error when the CA file cannot be read
 */
export async function readInventory(options: NodesOptions): Promise<Inventory> {
  const nodes = new RegionNodes(options);
  try {
    return {
      "index-template": await definitionsOf(nodes, "index-template"),
      "component-template": await definitionsOf(nodes, "component-template"),
      "ilm-policy": await definitionsOf(nodes, "ilm-policy"),
      "ingest-pipeline": await definitionsOf(nodes, "ingest-pipeline"),
      role: await finding(readRoles(nodes)),
      "role-mapping": await finding(readRoleMappings(nodes)),
      user: await finding(readUsers(nodes)),
      "cluster-setting": await finding(readSettings(nodes)),
      plugin: await finding(readPlugins(nodes)),
      version: await finding(readElasticsearchVersions(nodes)),
    };
  } finally {
    await nodes.close();
  }
}

async function definitionsOf(nodes: RegionNodes, kind: DefinitionKind): Promise<Finding<Items>> {
  let isAvailable = true;
  const read = await finding(
    readDefinitions(nodes, [kind], () => {
      isAvailable = false;
    }),
  );
  if (!isAvailable) return { error: `${nodes.region} has no module for it` };
  if ("error" in read) return read;
  return { value: Object.fromEntries(read.value.map(({ name, body }) => [name, body])) };
}

async function readRoles(nodes: RegionNodes): Promise<Items> {
  const roles = await nodes.read("read roles", (client, options) => client.security.getRole({}, options));
  return usersOwn(roles, (role) => role, ["transient_metadata"]);
}

async function readRoleMappings(nodes: RegionNodes): Promise<Items> {
  const mappings = await nodes.read("read role mappings", (client, options) =>
    client.security.getRoleMapping({}, options),
  );
  return usersOwn(mappings, (mapping) => mapping);
}

/** Passwords cannot be read, so they are not compared. */
async function readUsers(nodes: RegionNodes): Promise<Items> {
  const users = await nodes.read("read users", (client, options) => client.security.getUser({}, options));
  return usersOwn(users, (user) => ({ ...user, roles: user.roles.toSorted() }), ["profile_uid"]);
}

/** Without what Elasticsearch reserves for itself. */
function usersOwn<T extends object>(
  found: Readonly<Record<string, T>>,
  shown: (item: T) => object,
  without: readonly string[] = [],
): Items {
  return Object.fromEntries(
    Object.entries(found)
      .filter(([, item]) => property(property(item, "metadata"), "_reserved") !== true)
      .map(([name, item]) => {
        const kept = Object.entries(shown(item)).filter(([key]) => !without.includes(key));
        return [name, normalise(Object.fromEntries(kept))];
      }),
  );
}

async function readSettings(nodes: RegionNodes): Promise<Items> {
  const { persistent, transient } = await nodes.read("read cluster settings", (client, options) =>
    client.cluster.getSettings({ flat_settings: true }, options),
  );
  const settings = Object.entries({ ...persistent, ...transient });
  return Object.fromEntries(settings.filter(([name]) => !OWN_TO_EACH_CLUSTER.test(name)));
}

/** A plugin that some nodes lack is told by its share. */
async function readPlugins(nodes: RegionNodes): Promise<Items> {
  const info = await nodes.read("read plugins", (client, options) =>
    client.nodes.info(
      { metric: "plugins", filter_path: ["nodes.*.plugins.name", "nodes.*.plugins.version", "nodes.*.name"] },
      options,
    ),
  );
  const ofNodes = Object.values(info.nodes ?? {}).map(({ plugins }) => plugins ?? []);
  const names = new Set(ofNodes.flatMap((plugins) => plugins.map(({ name }) => name)));
  return Object.fromEntries(
    [...names].map((name) => {
      const installed = ofNodes.flatMap((plugins) => plugins.filter((plugin) => plugin.name === name));
      const versions = [...new Set(installed.map(({ version }) => version))].toSorted();
      return [name, { versions, onEveryNode: installed.length === ofNodes.length }];
    }),
  );
}

async function readElasticsearchVersions(nodes: RegionNodes): Promise<Items> {
  return { Elasticsearch: [...new Set((await readVersions(nodes)).map(({ version }) => version))].toSorted() };
}
