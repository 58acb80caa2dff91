import { errnoOf } from "../../watchdog/util/files.ts";

export function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR");
}

/** Whether an error is the system's of this code, such as "EBUSY". */
export function hasCode(error: unknown, code: string): boolean {
  return errnoOf(error) === code;
}
