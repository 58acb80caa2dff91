import type { z } from "zod";
import type { DeepReadonly } from "./deep-readonly.ts";

/**
 * One call of the HTTP API that a process offers on its control socket. Server and command line share the definition, so
 * that both check the same requests and answers.
 */
export interface SocketCall<Request extends z.ZodObject = z.ZodObject, Answer extends z.ZodType = z.ZodType> {
  readonly route: `${"GET" | "PUT" | "POST" | "DELETE"} /${string}`;
  /** The query of a GET, the JSON body of any other call. */
  readonly request: Request;
  readonly answer: Answer;
}

/** A call with the function that answers it. */
export interface ServedCall {
  readonly route: string;
  /** @throws BadRequest, Refused, or any other Error for a failure of the server */
  answer(request: unknown): Promise<unknown>;
}

/** Binds a call to the function that answers it, behind the check of its request. */
export function serveCall<Request extends z.ZodObject, Answer extends z.ZodType>(
  { route, request }: SocketCall<Request, Answer>,
  answer: (request: z.output<Request>) => DeepReadonly<z.output<Answer>> | Promise<DeepReadonly<z.output<Answer>>>,
): ServedCall {
  return {
    route,
    answer: async (input) => {
      const parsed = request.safeParse(input);
      if (!parsed.success) throw new BadRequest(describeIssue(parsed.error, "invalid request"));
      return answer(parsed.data);
    },
  };
}

/** The first issue, behind the path of its field. */
export function describeIssue({ issues: [issue] }: z.ZodError, otherwise: string): string {
  const where = issue?.path.join(".");
  return `${where ? `${where}: ` : ""}${issue?.message ?? otherwise}`;
}

/** The call is refused and has changed nothing: status 409. The message is the reasons, one per line. */
export class Refused extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join("\n"));
    this.name = "Refused";
    this.reasons = reasons;
  }
}

/** The request is malformed: status 400. */
export class BadRequest extends Error {}
