import type { ListenerTls } from "../util/http-server.ts";
import type { Live } from "../util/live.ts";
import type { Renewals } from "./renewals.ts";
import { listenerTlsSource } from "./sources.ts";

interface ListenerFiles {
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  readonly clientCaFile: string | null;
}

/**
 * What a service listens with, renewed while it runs; null: it serves plain HTTP.
 *
 * @param caKey the key of the CA's file, where it is not `<section>.clientCaFile`
 */
export async function listenerTls(
  section: string,
  { certificateFile, keyFile, clientCaFile }: ListenerFiles,
  renewals: Pick<Renewals, "add">,
  caKey?: string,
): Promise<Live<ListenerTls> | null> {
  if (certificateFile === null || keyFile === null) return null;
  return renewals.add(listenerTlsSource(section, { certificateFile, keyFile, clientCaFile }, caKey));
}
