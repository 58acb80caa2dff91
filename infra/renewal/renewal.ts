import type { PreviewReport, ResourceChange } from "../preview/report.ts";

/** What an update that nobody looks at may do to a stack. Pure. */
export type Renewal =
  /** No certificate is near its end. */
  | { readonly kind: "none" }
  /** The update renews these certificates, gives them to their hosts, and changes nothing else. */
  | { readonly kind: "due"; readonly certificates: readonly string[] }
  /** It changes something else, which a person has to look at. */
  | { readonly kind: "refused"; readonly changes: readonly ResourceChange[] };

export function renewalOf({ changes }: PreviewReport): Renewal {
  if (changes.length === 0) return { kind: "none" };
  const others = changes.filter((change) => !isRenewed(change) && !isDelivery(change));
  if (others.length > 0) return { kind: "refused", changes: others };
  const certificates = changes.filter(isRenewed).map(({ name }) => name);
  // A step that has something else to write than a renewed certificate.
  return certificates.length === 0 ? { kind: "refused", changes } : { kind: "due", certificates };
}

/** The provider replaces a certificate near its end; a name that changed would be another property. */
const isRenewed = ({ type, operation, properties }: ResourceChange): boolean =>
  type === "tls:LocallySignedCert" &&
  operation === "replace" &&
  properties.length > 0 &&
  properties.every((property) => property === "readyForRenewal");

/** A step on a host whose input, which has the certificate, differs. */
const isDelivery = ({ type, operation, properties }: ResourceChange): boolean =>
  /^command:(local|remote):Command$/.test(type) &&
  operation === "change" &&
  properties.every((property) => property === "stdin");
