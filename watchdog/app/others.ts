import { type FailsafePeers, failsafePeers } from "../adapters/failsafe/client.ts";
import { type FailsafeServer, serveFailsafe } from "../adapters/failsafe/server.ts";
import { copyClient } from "../adapters/salvage-copies/client.ts";
import { salvageCopyHandler } from "../adapters/salvage-copies/server.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { FailsafeAnswer, FailsafeQuestion } from "../core/failsafe.ts";
import type { StateRecord } from "../core/state/record.ts";
import { WITNESS_SITE } from "../core/state/sites.ts";
import { ReceivedCopies, receivedRoot } from "../salvage/copies/received.ts";
import { copiesAtOtherSites } from "../salvage/copies/send.ts";
import { freeBytes } from "../salvage/export/room.ts";
import type { SecondCopy } from "../salvage/second-copy.ts";
import type { Renewals } from "./renewals.ts";
import { mutualTlsSource } from "./sources.ts";

/** Connections between the watchdogs, with certificates on both sides. */
export interface Others {
  readonly peers: FailsafePeers;
  /** Copies of this host's exports at other sites. */
  readonly copies: SecondCopy;
  serve(answer: (question: FailsafeQuestion) => FailsafeAnswer): Promise<FailsafeServer>;
  close(): void;
}

/**
 * Connects to the other watchdogs; null without other watchdogs.
 *
 * @param record the newest one, for the addresses of those of other sites
 */
export async function connectOthers(
  { name, site, failsafe, salvage, stateDirectory }: WatchdogConfig,
  record: () => StateRecord | null,
  renewals: Pick<Renewals, "add">,
): Promise<Others | null> {
  if (failsafe === null) return null;
  const source = await renewals.add(mutualTlsSource("failsafe", failsafe));
  const tls = source.map(({ ca, certificate: cert, key }) => ({ ca, cert, key }));
  const peers = failsafePeers(tls, failsafe.timeoutMs);
  const client = copyClient(tls, name);
  const received = new ReceivedCopies(receivedRoot(stateDirectory), { reserveBytes: salvage.reserveBytes, freeBytes });
  const places = () =>
    membersElsewhere(record(), site).flatMap(({ name, failsafeUrl }) =>
      failsafeUrl === null ? [] : [client.placeAt(name, failsafeUrl)],
    );
  return {
    peers,
    copies: copiesAtOtherSites(places),
    serve: (answer) =>
      serveFailsafe({ listen: failsafe.listen, tls, answer, salvageCopies: salvageCopyHandler(received) }),
    close: () => {
      peers.close();
      client.close();
    },
  };
}

/** The witness last: its host is small. */
const membersElsewhere = (record: StateRecord | null, site: string) =>
  (record?.watchdogs ?? [])
    .filter((member) => member.site !== site)
    .toSorted((a, b) => Number(a.site === WITNESS_SITE) - Number(b.site === WITNESS_SITE));
