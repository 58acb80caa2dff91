import { access, constants } from "node:fs/promises";
import { reasonOf } from "../util/files.ts";
import type { EtcdAccess, PublisherConfig } from "./applications.ts";
import { caFileViolations, checkSecretFile, keyPairViolations } from "./files.ts";
import type { HooksSettings } from "./hooks.ts";
import type { MetricsSettings } from "./metrics.ts";
import type { NotificationSettings } from "./notifications.ts";
import type { PageSettings } from "./page.ts";
import { nodeCaFiles } from "./region-access.ts";
import type { WatchdogConfig } from "./schema.ts";
import type { ConfigViolation } from "./violations.ts";

/** Checks of the files that a configuration names. */

type Violations = Promise<readonly ConfigViolation[]>;

/** All files of a watchdog's configuration except the secrets for Elasticsearch, which loading reads. */
export async function referencedFileViolations(config: WatchdogConfig): Violations {
  const { entry, store, failsafe, endpoint, metrics, page, publisher } = config;
  const checks = await Promise.all([
    ...nodeCaFiles(config).map(({ key, file }) => caFileViolations(key, file, Date.now())),
    entry === null ? [] : secretFileViolations("entry.passwordFile", entry.passwordFile, 2),
    entry === null ? [] : caFileViolations("entry.caFile", entry.caFile, Date.now()),
    store.kind === "etcd" ? etcdFileViolations("store", store) : [],
    failsafe === null ? [] : tlsFileViolations("failsafe", failsafe),
    endpoint === null ? [] : listenerFileViolations("endpoint", endpoint),
    metrics === null ? [] : listenerFileViolations("metrics", metrics),
    metrics === null ? [] : optionalCaViolations("metrics.clientCaFile", metrics.clientCaFile),
    page === null ? [] : listenerFileViolations("page", page),
    page === null ? [] : readerFileViolations(page.authentication),
    publisher === null ? [] : publisherFileViolations(publisher),
  ]);
  return checks.flat();
}

/** What the page checks its readers with. */
function readerFileViolations(authentication: PageSettings["authentication"]): Violations {
  switch (authentication.kind) {
    case "certificate":
      return caFileViolations("page.authentication.clientCaFile", authentication.clientCaFile, Date.now());
    case "password":
      return secretFileViolations("page.authentication.passwordFile", authentication.passwordFile, 2);
    case "proxy":
      return Promise.resolve([]);
    default:
      return authentication satisfies never;
  }
}

/** The files of a publisher's section. */
export async function publisherFileViolations({ source, etcd, consul }: PublisherConfig): Violations {
  const checks = await Promise.all([
    source.kind === "etcd"
      ? etcdFileViolations("publisher.source", source)
      : optionalCaViolations("publisher.source.caFile", source.caFile),
    etcd === null ? [] : etcdFileViolations("publisher.etcd", etcd),
    consul === null ? [] : optionalCaViolations("publisher.consul.caFile", consul.caFile),
    consul === null || consul.tokenFile === null
      ? []
      : secretFileViolations("publisher.consul.tokenFile", consul.tokenFile),
  ]);
  return checks.flat();
}

/**
 * The files of the targets of notifications. They are checked by `check-config` and while the watchdog runs, not at its
 * start: without its watchdog a router closes, and a message that cannot be sent is no reason for that.
 */
export async function notificationFileViolations({ targets }: NotificationSettings): Violations {
  const checks = targets.map(async (target, position) => {
    const key = `notifications.targets[${position}]`;
    switch (target.kind) {
      case "webhook":
        return [
          ...(await optionalCaViolations(`${key}.caFile`, target.caFile)),
          ...(await optionalSecretViolations(`${key}.secretFile`, target.secretFile, 2)),
        ];
      case "slack":
        return [
          ...(await optionalCaViolations(`${key}.caFile`, target.caFile)),
          ...(await secretFileViolations(`${key}.urlFile`, target.urlFile)),
        ];
      case "smtp":
        return [
          ...(await optionalCaViolations(`${key}.caFile`, target.caFile)),
          ...(await optionalSecretViolations(`${key}.passwordFile`, target.passwordFile, 1)),
        ];
      case "command":
        return programViolations(`${key}.command[0]`, target.command[0]);
      default:
        return target satisfies never;
    }
  });
  return (await Promise.all(checks)).flat();
}

/** The programs of hooks, which are checked at the same times, for the same reason. */
export async function hookFileViolations(hooks: HooksSettings): Violations {
  const checks = (["beforeClosing", "afterOpening"] as const).flatMap((list) =>
    hooks[list].map(({ command: [program] }, position) =>
      programViolations(`hooks.${list}[${position}].command[0]`, program),
    ),
  );
  return (await Promise.all(checks)).flat();
}

async function programViolations(key: string, file: string): Violations {
  return access(file, constants.X_OK).then(
    () => [],
    (error: unknown) => [{ key, message: `names ${file}, which cannot be run: ${reasonOf(error)}` }],
  );
}

async function etcdFileViolations(section: string, access: EtcdAccess): Violations {
  return [
    ...(await secretFileViolations(`${section}.passwordFile`, access.passwordFile, 2)),
    ...(await tlsFileViolations(section, access)),
  ];
}

async function tlsFileViolations(
  section: string,
  files: Pick<EtcdAccess, "caFile" | "certificateFile" | "keyFile">,
): Violations {
  return [
    ...(await caFileViolations(`${section}.caFile`, files.caFile, Date.now())),
    ...(await keyPairViolations(section, files)),
  ];
}

async function listenerFileViolations(
  section: string,
  { certificateFile, keyFile }: Pick<MetricsSettings, "certificateFile" | "keyFile">,
): Violations {
  if (certificateFile === null || keyFile === null) return [];
  return keyPairViolations(section, { certificateFile, keyFile });
}

async function optionalCaViolations(key: string, file: string | null): Violations {
  return file === null ? [] : caFileViolations(key, file, Date.now());
}

async function optionalSecretViolations(key: string, file: string | null, most: 1 | 2): Violations {
  return file === null ? [] : secretFileViolations(key, file, most);
}

async function secretFileViolations(key: string, file: string, most: 1 | 2 = 1): Violations {
  const { violation } = await checkSecretFile(key, file, most);
  return violation === null ? [] : [violation];
}
