import type { LabCgroups } from "./cgroup.ts";
import type { LabLayout } from "./layout.ts";

/** A lab as the modules that work on it need it. */
export interface LabContext {
  readonly layout: LabLayout;
  readonly cgroups: LabCgroups;
  /** Root file system that the hosts share, each writing to a layer of its own. */
  readonly rootDirectory: string;
}
