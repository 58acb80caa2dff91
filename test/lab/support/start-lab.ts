import { mkdir, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { Lab } from "../../../lab/hosts/lab.ts";
import type { StackSettings } from "../../../lab/system/configuration.ts";
import { TwoRegions } from "../../../lab/system/two-regions.ts";
import { removeLabWithThisProcess } from "../../lab-guard.ts";
import type { LabUnderTest } from "./lab-under-test.ts";
import { Questions } from "./questions.ts";

/** A file system that overlayfs can write to and that has room for the hosts' disks: /tmp is often a tmpfs. */
export const labPlace = "/var/tmp";

/** A lab for the tests of a file, and its end. */
export interface OwnLab {
  /** Brings up all sites and waits until the standby is in sync. */
  start(settings: StackSettings): Promise<LabUnderTest>;
  /** Removes what there is of it, after a start that failed as well. */
  remove(): Promise<void>;
}

export function ownLab(): OwnLab {
  const temporaryDirectory = process.env["TMPDIR"];
  let scratch = "";
  return {
    async start(settings) {
      scratch = await mkdtemp(path.join(labPlace, "es-failover-lab-"));
      removeLabWithThisProcess(scratch);
      // This process's and the engine's temporary files go there, so that the last test finds what is left of them.
      process.env["TMPDIR"] = path.join(scratch, "tmp");
      await mkdir(path.join(scratch, "tmp"));
      const lines: string[] = [];
      const say = (line: string) => void lines.push(line);
      const system = await TwoRegions.create(path.join(scratch, "lab"), say, settings);
      await system.upAll(say);
      const [questions, router] = [await Questions.of(system), await system.hosts.router()];
      await system.watchdogs.untilInSync();
      return { system, questions, router, scratch, pulumi: { lines, say } };
    },
    async remove() {
      if (temporaryDirectory === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = temporaryDirectory;
      if (scratch === "") return;
      await Lab.destroy(path.join(scratch, "lab"));
      await rm(scratch, { recursive: true, force: true });
    },
  };
}
