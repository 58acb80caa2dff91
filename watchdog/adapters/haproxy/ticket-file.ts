import { writeFileAtomically } from "../../util/files.ts";

/**
 * Writes the map that HAProxy starts from: a line `<region> <milliseconds since 1970>` per open region. HAProxy runs
 * under a user of its own and has to read it; there is nothing secret in it.
 *
 * @param durable wait until the disk has it: for a file that closes regions
 */
export async function writeTicketFile(
  file: string,
  tickets: readonly { readonly region: string; readonly validUntilMs: number }[],
  { durable }: { readonly durable: boolean },
): Promise<void> {
  const lines = tickets.map(({ region, validUntilMs }) => `${region} ${validUntilMs}\n`);
  await writeFileAtomically(file, lines.join(""), { mode: 0o644, durable });
}
