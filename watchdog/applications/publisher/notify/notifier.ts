import type { NotifySettings } from "../../../config/applications.ts";
import type { FileEndpoint } from "../../formats/format.ts";
import { runCommand } from "./command.ts";
import { signalByPidFile } from "./pid-file.ts";
import type { NotifyResult } from "./result.ts";
import { reloadUnit } from "./unit.ts";

/**
 * Tells an application that its file has changed.
 *
 * @throws Error that says why it was not told
 */
export function notify(settings: NotifySettings, file: string, endpoint: FileEndpoint): Promise<NotifyResult> {
  switch (settings.kind) {
    case "none":
      return Promise.resolve({ notified: true });
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
