import { withFileLock } from "../../watchdog/util/file-lock.ts";
import type { LabCgroups } from "./cgroup.ts";
import type { LabLayout } from "./layout.ts";

/** A lab, for the modules that work on it. */
export interface LabContext {
  readonly layout: LabLayout;
  readonly cgroups: LabCgroups;
  /** Root file system that all hosts share; each writes to a layer of its own. */
  readonly rootDirectory: string;
}

/** Making a host holds the lock for less than a second, but for several while ten new hosts keep the machine busy. */
const LOCK_TIMEOUT_MS = 120_000;

/** Runs an action under the lab's lock, which also excludes other processes. */
export function locked<T>({ layout }: LabContext, action: () => Promise<T>): Promise<T> {
  return withFileLock(layout.lock, action, LOCK_TIMEOUT_MS);
}
