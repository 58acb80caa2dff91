/** Dispatches the scripts of package.json once the npm packages are installed. */

import process from "node:process";
import { messageOf } from "../watchdog/util/errors.ts";

const [verb, ...args] = process.argv.slice(2);

const verbs: Readonly<Record<string, () => Promise<{ main(args: readonly string[]): Promise<number> }>>> = {
  start: () => import("../lab/demo/main.ts"),
  test: () => import("../test/run.ts"),
  lab: () => import("../lab/cli.ts"),
  init: () => import("../infra/init/init.ts"),
  "remote-keys": () => import("../infra/remote-keys/remote-keys.ts"),
  rotate: () => import("../infra/init/rotate.ts"),
  destroy: () => import("../infra/destroy/destroy.ts"),
  renew: () => import("../infra/renewal/renew.ts"),
  preview: () => import("../lab/cloud/preview.ts"),
  package: () => import("../packages/main.ts"),
};

const load = verbs[verb ?? ""];
if (load === undefined) {
  console.error(`es-failover: no such command: ${verb ?? "(none)"}. There are: ${Object.keys(verbs).join(", ")}.`);
  process.exit(2);
}
try {
  process.exitCode = await (await load()).main(args);
} catch (error) {
  console.error(`es-failover: ${messageOf(error)}`);
  if (process.env["ES_FAILOVER_DEBUG"] !== undefined) console.error(error);
  process.exitCode = 1;
}
