import { describe, expect, test } from "vitest";
import { missingCredentials } from "../../infra/config/credentials.ts";

const problem = (raw: Record<string, string>, environment: Record<string, string> = {}) =>
  missingCredentials({ raw, environment, hasFile: false });

describe("OVHcloud's credentials", () => {
  test.each<[string, Record<string, string>, Record<string, string>]>([
    [
      "an application's keys in the stack",
      { "ovh:endpoint": "ovh-eu", "ovh:applicationKey": "a", "ovh:applicationSecret": "s", "ovh:consumerKey": "c" },
      {},
    ],
    ["a service account", { "ovh:endpoint": "ovh-eu", "ovh:clientId": "i", "ovh:clientSecret": "s" }, {}],
    ["a token in the environment", {}, { OVH_ENDPOINT: "ovh-eu", OVH_ACCESS_TOKEN: "t" }],
    ["one half here, the other there", { "ovh:endpoint": "ovh-eu", "ovh:clientId": "i" }, { OVH_CLIENT_SECRET: "s" }],
  ])("are complete with %s", (_, raw, environment) => {
    expect(problem(raw, environment)).toBeNull();
  });

  test("that are incomplete are named by key, of the way that was begun, with what to do", () => {
    const begun = { "ovh:endpoint": "ovh-eu", "ovh:clientId": "i" };
    expect(problem(begun)).toMatch(/incomplete: ovh:clientSecret missing\. .*pulumi config set --secret/);
    expect(problem({})).toMatch(
      /incomplete: ovh:endpoint, ovh:applicationKey, ovh:applicationSecret, ovh:consumerKey missing/,
    );
    expect(problem({ "ovh:applicationKey": "", "ovh:endpoint": "" })).toMatch(/ovh:endpoint, ovh:applicationKey/);
  });

  test("are not judged where the provider has a file of its own", () => {
    expect(missingCredentials({ raw: {}, environment: {}, hasFile: true })).toBeNull();
  });
});
