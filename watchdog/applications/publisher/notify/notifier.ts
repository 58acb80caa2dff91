import type { NotifySettings } from "../../../config/applications.ts";
import type { FileEndpoint } from "../../formats/format.ts";
import { runCommand } from "./command.ts";
import { signalByPidFile } from "./pid-file.ts";
import { reloadUnit } from "./unit.ts";

/** waiting: there is nobody to be told now, which is no trouble; it is tried again. */
export type Told = { readonly told: true } | { readonly told: false; readonly waitingFor: string };

/**
 * Tells an application that its file has changed.
 *
 * @throws Error that says why it was not told
 */
export function tell(settings: NotifySettings, file: string, endpoint: FileEndpoint): Promise<Told> {
  switch (settings.kind) {
    case "none":
      return Promise.resolve({ told: true });
    case "pid-file":
      return signalByPidFile(settings);
    case "unit":
      return reloadUnit(settings);
    case "command":
      return runCommand(settings, file, endpoint);
    default:
      throw new Error(`unknown way to tell an application: ${JSON.stringify(settings satisfies never)}`);
  }
}
