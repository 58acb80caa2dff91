import type { Secrets } from "../../config/files.ts";
import type { Live } from "../../util/live.ts";

type Headers = { readonly authorization: string };

/** The value of the header `authorization` for a user. */
export const basicAuthorization = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

/** The same for an API key, as Elasticsearch returns it under `encoded`. */
export const apiKeyAuthorization = (encoded: string): string => `ApiKey ${encoded}`;

/** The credentials that may be valid: while they are rotated, each node changes to the new ones in its own time. */
export class Authorizations {
  readonly #isRefused: (error: unknown) => boolean;
  readonly #values: Live<Secrets>;
  /** The one that was accepted last. */
  #accepted: string | null = null;

  /**
   * @param values of the header `authorization`
   * @param isRefused whether an error means that the credentials were not accepted
   */
  constructor(values: Live<Secrets>, isRefused: (error: unknown) => boolean) {
    this.#values = values;
    this.#isRefused = isRefused;
  }

  /** Makes a request with what was accepted last; where that is refused, with the other one, if there is one. */
  async use<T>(request: (headers: Headers, hasOther: boolean) => Promise<T>): Promise<T> {
    const values = this.#values.current;
    const first = values.find((one) => one === this.#accepted) ?? values[0];
    const other = values.find((one) => one !== first);
    try {
      return await request({ authorization: first }, other !== undefined);
    } catch (error) {
      if (other === undefined || !this.#isRefused(error)) throw error;
      const answer = await request({ authorization: other }, false);
      this.#accepted = other;
      return answer;
    }
  }
}
