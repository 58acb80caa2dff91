import { readFile } from "node:fs/promises";
import { errnoOf, writeFileAtomically } from "../../util/files.ts";

/** The highest epoch that the router has seen, kept beside its map file to survive restarts. */
const floorFileOf = (ticketMapFile: string): string => `${ticketMapFile}.epoch`;

/**
 * @returns 0 when no epoch was ever seen
 * @throws Error when the file exists but cannot be read: accepting any epoch then could open the wrong region
 */
export async function readEpochFloor(ticketMapFile: string): Promise<number> {
  const file = floorFileOf(ticketMapFile);
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
  if (!/^\d+\n$/.test(content)) {
    throw new Error(
      `${file} should hold the highest epoch seen, a number, but holds ${JSON.stringify(content.slice(0, 40))}. ` +
        "Write the epoch that `es-failover status` shows into it, or remove it when no region is being changed.",
    );
  }
  return Number(content);
}

export async function writeEpochFloor(ticketMapFile: string, epoch: number): Promise<void> {
  await writeFileAtomically(floorFileOf(ticketMapFile), `${epoch}\n`, { mode: 0o644, durable: true });
}
