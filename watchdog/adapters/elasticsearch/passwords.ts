import type { Secrets } from "../../config/files.ts";
import type { Live } from "../../util/live.ts";

type Headers = { readonly authorization: string };

/** The passwords of a user that may be valid: while they are rotated, each node changes to the new one in its own time. */
export class Passwords {
  readonly #isRefused: (error: unknown) => boolean;
  readonly #username: string;
  readonly #passwords: Live<Secrets>;
  /** The one that was accepted last. */
  #accepted: string | null = null;

  /** @param isRefused whether an error means that the password was not accepted */
  constructor(username: string, passwords: Live<Secrets>, isRefused: (error: unknown) => boolean) {
    this.#isRefused = isRefused;
    this.#username = username;
    this.#passwords = passwords;
  }

  /** Makes a request with the password that was accepted last; where that is refused, with the other one, if there is one. */
  async use<T>(request: (headers: Headers, hasOther: boolean) => Promise<T>): Promise<T> {
    const passwords = this.#passwords.current;
    const first = passwords.find((one) => one === this.#accepted) ?? passwords[0];
    const other = passwords.find((one) => one !== first);
    try {
      return await request(this.#headers(first), other !== undefined);
    } catch (error) {
      if (other === undefined || !this.#isRefused(error)) throw error;
      const answer = await request(this.#headers(other), false);
      this.#accepted = other;
      return answer;
    }
  }

  #headers(password: string): Headers {
    return { authorization: `Basic ${Buffer.from(`${this.#username}:${password}`).toString("base64")}` };
  }
}
