import type { Command } from "commander";
import { askControlSocket, WatchdogNotRunning } from "../../adapters/control-socket/client.ts";
import { publisherApi } from "../../applications/publisher/api.ts";
import { loadPublisherConfig, parsePublisherConfig } from "../../config/load.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonOption } from "../options.ts";
import { formatPublisherStatus } from "../output/publisher.ts";

/** For hosts of applications, where no watchdog runs. */
export function addPublish(program: Command, context: CommandContext): void {
  const publish = program
    .command("publish")
    .description("run the publisher: update endpoint files and keys on every failover, and notify applications")
    .action(async () => {
      // Loaded on demand, for the clients of etcd and Consul.
      const { runPublisher } = await import("../../app/publish.ts");
      await runPublisher(context.configFile());
    });
  publish
    .command("status")
    .description("show what the running publisher received and published, and what fails")
    .addOption(jsonOption())
    .action((options: { json: boolean }) => showPublisher(context, options));
  publish
    .command("check-config")
    .description("validate the publisher section of a configuration and the files that it names")
    .action(() => checkPublisher(context));
}

/** Exit code `failed` while nothing was received, a target fails or the sources contradict each other. */
async function showPublisher(
  { configFile, print, finish }: CommandContext,
  { json }: { readonly json: boolean },
): Promise<void> {
  const { controlSocket } = await parsePublisherConfig(configFile());
  const status = await askControlSocket(controlSocket, publisherApi.status, {}).catch((error: unknown) => {
    if (!(error instanceof WatchdogNotRunning)) throw error;
    throw new WatchdogNotRunning(`no publisher is running: nothing answers on ${controlSocket}`);
  });
  print(json ? JSON.stringify(status, null, 2) : formatPublisherStatus(status));
  const fails = status.problem !== null || status.targets.some(({ error }) => error !== null);
  if (fails || status.state === null) finish(exitCodes.failed);
}

async function checkPublisher({ configFile, print }: CommandContext): Promise<void> {
  const { files, templates, etcd, consul } = await loadPublisherConfig(configFile());
  const keys = [...(etcd === null ? [] : ["keys in etcd"]), ...(consul === null ? [] : ["Consul"])];
  const targets = [...files.map(({ path }) => path), ...templates.map(({ destination }) => destination), ...keys].join(
    ", ",
  );
  print(`${configFile()} is valid: publishes to ${targets}.`);
}
