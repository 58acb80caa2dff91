import type { NotifySettings } from "../../../config/published-files.ts";
import type { FileEndpoint } from "../../formats/format.ts";
import { runCommand } from "./command.ts";
import { signalByPidFile } from "./pid-file.ts";
import type { NotifyResult } from "./result.ts";
import { reloadUnit } from "./unit.ts";

/**
 * Notifies an application of a change of its file.
 *
 * @throws Error with the reason when it was not notified
 */
export function notify(settings: NotifySettings, file: string, endpoint: FileEndpoint): Promise<NotifyResult> {
  switch (settings.kind) {
    case "none":
      return Promise.resolve({ notified: true, confirmed: false });
    case "pid-file":
      return signalByPidFile(settings);
    case "unit":
      return reloadUnit(settings);
    case "command":
      return runCommand(settings, file, endpoint);
    default:
      throw new Error(`unknown notify kind: ${JSON.stringify(settings satisfies never)}`);
  }
}
