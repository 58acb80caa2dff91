/** What one member of the store holds. */
export interface MemberSpace {
  readonly endpoint: string;
  /** Of its file, which its quota bounds: a file does not shrink before it is defragmented. */
  readonly bytes: number;
  /** Of what the file holds at present. */
  readonly bytesInUse: number;
  readonly quotaBytes: number;
}

/** Above this share of its quota a member is worth a warning: at 100 % the store takes no write. */
const WARN_ABOVE = 0.6;

const percent = (bytes: number, quotaBytes: number) => `${Math.round((100 * bytes) / quotaBytes)} %`;

/** What an operator should know before the quota is reached; null while no member is near it. */
export function spaceWarning(members: readonly MemberSpace[]): string | null {
  const [fullest] = members.toSorted((a, b) => b.bytes / b.quotaBytes - a.bytes / a.quotaBytes);
  if (fullest === undefined || fullest.bytes <= WARN_ABOVE * fullest.quotaBytes) return null;
  const { endpoint, bytes, bytesInUse, quotaBytes } = fullest;
  const isInUse = bytesInUse > WARN_ABOVE * quotaBytes;
  const remedy = isInUse
    ? "find out what else writes to this etcd, or raise `store.quotaBytes`"
    : "run `sudo es-failover etcd defragment` on a member's host";
  return (
    `the data of ${endpoint} takes ${percent(bytes, quotaBytes)} of etcd's quota, ${percent(bytesInUse, quotaBytes)} in ` +
    `use: at 100 % no write is taken; ${remedy}`
  );
}
