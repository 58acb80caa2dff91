import { parseMap, parsePreparedVersion } from "./replies.ts";
import { HaproxyError, type HaproxyProcess } from "./runtime-api.ts";

/**
 * Replaces the whole map in one atomic step and reads it back. The next commit drops what an interrupted attempt has
 * prepared.
 */
export async function replaceMap(
  process: HaproxyProcess,
  mapFile: string,
  entries: readonly (readonly [key: string, value: string])[],
): Promise<void> {
  const prepared = await process.ask(`prepare map ${mapFile}`);
  const version = parsePreparedVersion(prepared);
  if (version === null) {
    throw new HaproxyError(`HAProxy at ${process.label} has no map ${mapFile}: ${prepared.trim()}`);
  }
  for (const [key, value] of entries) await process.order(`add map @${version} ${mapFile} ${key} ${value}`);
  await process.order(`commit map @${version} ${mapFile}`);
  const found = parseMap(await process.ask(`show map ${mapFile}`));
  if (found.size !== entries.length || entries.some(([key, value]) => found.get(key) !== value)) {
    const shown = [...found].map(([key, value]) => `${key} ${value}`).join(", ") || "nothing";
    throw new HaproxyError(`HAProxy at ${process.label}: ${mapFile} was not replaced; it holds ${shown}`);
  }
}
