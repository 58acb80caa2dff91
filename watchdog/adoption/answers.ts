import { z } from "zod";
import type { RegionName } from "../config/address.ts";
import type { Credentials, NamedFile } from "../config/region-access.ts";
import { users } from "../config/roles.ts";
import { regionSchema, watchdogFileSchema } from "../config/schema.ts";
import { firstPrimarySchema } from "../config/sections.ts";
import { absolutePath, regionName, text, username } from "../config/values.ts";

/**
 * What `es-failover init` has to know: the watchdog's configuration as far as it is known, with an administrator of each cluster.
 * No secret is in it, only files that hold some.
 */

/** Exactly as for the watchdog: user and password, or an API key. Without a file the password is asked for. */
const adminSchema = z.strictObject({
  username: username.exactOptional(),
  passwordFile: absolutePath.exactOptional(),
  apiKeyFile: absolutePath.exactOptional(),
});
export type AdminAnswer = z.output<typeof adminSchema>;

const answeredRegion = regionSchema.extend({
  admin: adminSchema.prefault({}),
  remoteSeeds: z
    .array(text(/^\S+:\d{1,5}$/, "an address and a port of the transport layer, such as 10.0.1.10:9300"))
    .min(1, "name at least one address")
    .exactOptional(),
});

export const answersSchema = watchdogFileSchema.extend({
  regions: z
    .record(regionName, answeredRegion)
    .refine((regions) => Object.keys(regions).length === 2, "write exactly two regions"),
  firstPrimary: firstPrimarySchema.exactOptional(),
  router: watchdogFileSchema.shape.router.prefault({}),
});
export type Answers = z.output<typeof answersSchema>;
/** As a person writes them: what has a default may be left out. */
export type AnswersInput = z.input<typeof answersSchema>;

const SECRETS = "/etc/es-failover/secrets";

/**
 * The answers with files for the credentials that they do not name. What is left out keeps its default, also in the watchdog's
 * configuration: a later version may have a better one.
 */
export function withCredentials(answers: AnswersInput): AnswersInput {
  const { elasticsearch = {} } = answers;
  const regions = Object.entries(answers.regions).map(([region, own]) => {
    if (own.apiKeyFile !== undefined) return [region, own] as const;
    const needs = {
      ...(own.username === undefined && elasticsearch.username === undefined ? { username: users.watchdog.name } : {}),
      ...(own.passwordFile === undefined && elasticsearch.passwordFile === undefined
        ? { passwordFile: `${SECRETS}/elasticsearch-${region}` }
        : {}),
    };
    return [region, { ...own, ...needs }] as const;
  });
  return { ...answers, regions: Object.fromEntries(regions) };
}

/** What an administrator's requests are made with; `null` in place of a file: the password is asked for. */
export function adminCredentials(
  region: RegionName,
  { username: name = "elastic", passwordFile, apiKeyFile }: AdminAnswer,
): Credentials | { readonly kind: "ask"; readonly username: string } {
  const named = (key: string, file: string): NamedFile => ({ key: `regions.${region}.admin.${key}`, file });
  if (apiKeyFile !== undefined) return { kind: "api-key", secret: named("apiKeyFile", apiKeyFile) };
  if (passwordFile === undefined) return { kind: "ask", username: name };
  return { kind: "password", username: name, secret: named("passwordFile", passwordFile) };
}
