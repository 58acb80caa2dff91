import { HttpClient } from "../../util/http-client.ts";
import { version } from "../../util/version.ts";

export interface Post {
  readonly url: URL;
  /** PEM text; null: the public authorities. */
  readonly ca: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Characters of an answer in an error message. */
const MAX_ANSWER = 200;

/** Posts JSON, and accepts any status of success. No redirect is followed: the message would go to a host that no one named. */
export async function post({ url, ca, headers = {}, body, timeoutMs, signal }: Post): Promise<void> {
  const client = new HttpClient({ ca });
  try {
    const reply = await client.ask(url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": `es-failover/${version}`, ...headers },
      body,
      timeoutMs,
      signal,
    });
    if (reply.status >= 200 && reply.status < 300) return;
    const answer = reply.body.replaceAll(/\s+/g, " ").trim().slice(0, MAX_ANSWER);
    throw new Error(`${url.host} answered ${reply.status}${answer === "" ? "" : `: ${answer}`}`);
  } finally {
    client.close();
  }
}
