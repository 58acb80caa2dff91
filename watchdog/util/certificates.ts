/** OpenSSL's reasons as Node gives them, and Node's own for another name. */
const FAULT =
  /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

/** The code of an error about the other side's certificate; null for any other error. */
export function certificateFault(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return FAULT.test(code) ? code : null;
}
