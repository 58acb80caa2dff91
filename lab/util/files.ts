import { rename, writeFile } from "node:fs/promises";

/** Replaces a file as a whole: whoever reads it meanwhile sees the old or the new content. */
export async function replaceFile(file: string, content: string, mode = 0o644): Promise<void> {
  const scratch = `${file}.${process.pid}.new`;
  await writeFile(scratch, content, { mode });
  await rename(scratch, file);
}

export function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR");
}

/** Whether an error is one of the system's, of this kind ("EBUSY"). */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
