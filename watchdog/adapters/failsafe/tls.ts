/** Certificates for both sides of a connection, as PEM text. */
export interface FailsafeTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}
