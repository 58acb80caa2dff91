import { existsSync } from "node:fs";
import path from "node:path";
import { launchCluster } from "./running-cluster.ts";

/**
 * Makes `lib/classes.jsa` of an Elasticsearch home: the classes that a node loads on its way up, parsed and verified
 * once. Starting a node then costs about half the CPU time. Made by running a node from that home.
 */
export async function archiveClasses(home: string): Promise<void> {
  const archive = path.join(home, "lib/classes.jsa");
  const node = await launchCluster(
    { directory: home },
    { name: "class-archive", javaOptions: [`-XX:ArchiveClassesAtExit=${archive}`, "-Xlog:disable"] },
  );
  try {
    await node.call("PUT", "/sample/_doc/1?refresh=true", { body: { title: "what every node does sooner or later" } });
    await node.call("GET", "/sample/_search?q=title:node");
    await node.call("GET", "/_ccr/stats");
    await node.call("GET", "/_cluster/state");
    await node.shutDown();
  } finally {
    await node.stop();
  }
  if (!existsSync(archive)) throw new Error(`the node that was to make ${archive} has not done so`);
}
