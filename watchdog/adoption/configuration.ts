import type { RegionName } from "../config/address.ts";
import type { WatchdogConfigInput } from "../config/schema.ts";
import type { AnswersInput } from "./answers.ts";
import type { Aliases } from "./judgement.ts";

/** The watchdog's configuration: the answers without what only `init` uses, with what was found. */
export function configurationFor(answers: AnswersInput, active: RegionName, aliases: Aliases): WatchdogConfigInput {
  const regions = Object.entries(answers.regions).map(([region, { admin: _, remoteSeeds: __, ...own }]) => {
    const alias = aliases[region];
    return [region, alias === undefined || alias === region ? own : { ...own, remoteAlias: alias }] as const;
  });
  return {
    ...answers,
    regions: Object.fromEntries(regions),
    firstPrimary: active,
    router: answers.router === undefined ? {} : answers.router,
  };
}

/** Commands for etcd's own client, by an administrator of etcd: the watchdogs' user may read and write its prefix, nothing else. */
export function etcdCommands({ store }: Pick<AnswersInput, "store">): readonly string[] {
  if (store.kind !== "etcd") return [];
  const { username, prefix = "/es-failover/", passwordFile } = store;
  return [
    `etcdctl role add ${username}`,
    `etcdctl role grant-permission --prefix=true ${username} readwrite ${prefix}`,
    `etcdctl user add ${username} --interactive=false < ${passwordFile}`,
    `etcdctl user grant-role ${username} ${username}`,
  ];
}
