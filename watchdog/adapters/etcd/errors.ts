/**
 * unreachable: no connection to any member; timeout: no answer in time, or the connection broke before one; no-quorum:
 * the members that answer have no leader; unauthorized: user, password, certificate or permission refused; full: the
 * quota is reached, so that reads and keep-alives work, and no write and no new lease does; corrupt: the members' data
 * differs, and etcd answers nothing; rejected: any other refusal, with etcd's own reason.
 */
export type EtcdErrorKind = "unreachable" | "timeout" | "no-quorum" | "unauthorized" | "full" | "corrupt" | "rejected";

/** A call to etcd that failed. Callers may branch on `kind`; the message is for people. */
export class EtcdError extends Error {
  readonly kind: EtcdErrorKind;
  /** True when the requested change may have been made, or may still be: read back before acting on it. */
  readonly mayHaveTakenEffect: boolean;

  constructor(kind: EtcdErrorKind, message: string, mayHaveTakenEffect = false) {
    super(message);
    this.name = "EtcdError";
    this.kind = kind;
    this.mayHaveTakenEffect = mayHaveTakenEffect;
  }
}

/** One failed attempt at one endpoint. */
export interface AttemptFailure {
  readonly endpoint: string;
  readonly kind: EtcdErrorKind;
  readonly reason: string;
  /** Whether the request may have taken effect all the same. */
  readonly mayHaveTakenEffect: boolean;
  /** Whether another member may succeed where this one failed. */
  readonly anotherMemberMayAnswer: boolean;
  /** Whether the token was refused, so that a new one may help. */
  readonly staleToken: boolean;
}

/** gRPC status codes that etcd's gateway passes on (google.golang.org/grpc/codes). */
const grpc = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** Refusals of a token: the member lost its tokens in a restart, or users and roles were changed. */
const staleTokenReasons = ["invalid auth token", "revision of auth store is old"];
/** Refusals of the credentials, which etcd reports under codes that other refusals share. */
const credentialReasons = ["authentication failed", "user name is empty", "permission denied", ...staleTokenReasons];

/**
 * Classifies an error answer of etcd. Only refusals that precede a raft proposal certainly had no effect; a request that
 * timed out inside etcd may be committed later.
 */
export function classifyRefusal(endpoint: string, code: number, reason: string): AttemptFailure {
  const failure = (kind: EtcdErrorKind, rest: Partial<AttemptFailure> = {}): AttemptFailure => ({
    endpoint,
    kind,
    reason,
    mayHaveTakenEffect: false,
    anotherMemberMayAnswer: false,
    staleToken: false,
    ...rest,
  });
  if (credentialReasons.some((known) => reason.includes(known))) {
    return failure("unauthorized", { staleToken: staleTokenReasons.some((known) => reason.includes(known)) });
  }
  switch (code) {
    case grpc.unauthenticated:
    case grpc.permissionDenied:
      return failure("unauthorized");
    case grpc.resourceExhausted:
      // An alarm of the whole cluster (NOSPACE): the other members refuse it, too.
      if (reason.includes("space exceeded")) return failure("full");
      // A member that lags behind its own log refuses for a moment, before it proposes anything.
      if (reason.includes("too many requests")) return failure("timeout", { anotherMemberMayAnswer: true });
      return failure("rejected");
    case grpc.dataLoss:
      return failure("corrupt");
    case grpc.unavailable:
      // A learner refuses every request until it is promoted.
      if (reason.includes("learner")) return failure("unreachable", { anotherMemberMayAnswer: true });
      // A membership change while a member is, or lately was, missing.
      if (reason.includes("unhealthy cluster")) return failure("rejected");
      if (reason.includes("no leader")) return failure("no-quorum", { anotherMemberMayAnswer: true });
      return failure("timeout", { mayHaveTakenEffect: true, anotherMemberMayAnswer: true });
    case grpc.cancelled:
    case grpc.unknown:
    case grpc.deadlineExceeded:
    case grpc.internal:
      return failure("timeout", { mayHaveTakenEffect: true, anotherMemberMayAnswer: true });
    default:
      return failure("rejected");
  }
}

/**
 * One error for a call that failed at every endpoint it was tried at. The most specific kind wins: a member without a
 * leader is more specific than one that does not answer.
 */
export function summarise(call: string, failures: readonly AttemptFailure[], isRead: boolean): EtcdError {
  const order: readonly EtcdErrorKind[] = [
    "rejected",
    "unauthorized",
    "full",
    "corrupt",
    "no-quorum",
    "timeout",
    "unreachable",
  ];
  const kind = order.find((candidate) => failures.some((failure) => failure.kind === candidate)) ?? "unreachable";
  const mayHaveTakenEffect = !isRead && failures.some((failure) => failure.mayHaveTakenEffect);
  const details = failures.map(({ endpoint, reason }) => `${endpoint}: ${reason}`).join("; ");
  const caveat = mayHaveTakenEffect ? " The change may have been made all the same." : "";
  return new EtcdError(kind, `etcd: ${call} failed: ${headline[kind]} (${details}).${caveat}`, mayHaveTakenEffect);
}

const headline: Readonly<Record<EtcdErrorKind, string>> = {
  unreachable: "no member can be reached",
  timeout: "no answer in time",
  "no-quorum": "a majority of the members is missing, or no leader is elected yet",
  unauthorized: "etcd refused the credentials or lacks a permission",
  full: "etcd's quota is reached: it takes no write until `sudo es-failover etcd defragment` on a member's host frees space",
  corrupt:
    "etcd found that the data of its members differs, and answers nothing: restore or replace the member that errs",
  rejected: "etcd refused it",
};
