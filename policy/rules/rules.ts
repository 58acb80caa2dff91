import type { ResourceRule, StackRule } from "../model.ts";
import { publicAddressesAsDeclared } from "./addresses.ts";
import { authorityIsValid, certificatesAreFresh } from "./certificates.ts";
import { noPlaintextPort, onlyTheEntryIsPublic, peersOnly, sshFromAdministrators } from "./firewall.ts";
import { hostsAreSpread, oddVoters, sitesAreApart } from "./placement.ts";
import { hostsAreProtected, oneDataHostAtATime } from "./protection.ts";
import { oneRemoteSecurity } from "./remote-clusters.ts";
import { noPlaintextService } from "./rendered-files.ts";
import { heapFitsFlavor, versionsArePinned } from "./software.ts";

export const resourceRules: readonly ResourceRule[] = [
  onlyTheEntryIsPublic,
  noPlaintextPort,
  noPlaintextService,
  hostsAreProtected,
  authorityIsValid(),
];

export const stackRules: readonly StackRule[] = [
  peersOnly,
  sshFromAdministrators,
  publicAddressesAsDeclared,
  hostsAreSpread,
  oddVoters,
  sitesAreApart,
  oneDataHostAtATime,
  versionsArePinned,
  oneRemoteSecurity,
  certificatesAreFresh(),
  heapFitsFlavor,
];
