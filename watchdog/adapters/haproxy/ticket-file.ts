import { writeFileAtomically } from "../../util/files.ts";

/**
 * Writes the map that HAProxy starts from: a line `<region> <milliseconds since 1970>` per open region. It is readable by
 * all, because HAProxy runs under its own user, and contains no secret.
 *
 * @param durable whether to wait until it is on disk: required for a file that closes regions
 */
export async function writeTicketFile(
  file: string,
  tickets: readonly { readonly region: string; readonly validUntilMs: number }[],
  { durable }: { readonly durable: boolean },
): Promise<void> {
  const lines = tickets.map(({ region, validUntilMs }) => `${region} ${validUntilMs}\n`);
  await writeFileAtomically(file, lines.join(""), { mode: 0o644, durable });
}
