import { describe, expect, test } from "vitest";
import type { ResourceChange } from "../../infra/preview/report.ts";
import { renewalOf } from "../../infra/renewal/renewal.ts";

const certificate: ResourceChange = {
  ...{ operation: "replace", type: "tls:LocallySignedCert", name: "gra-es-1-certificate" },
  properties: ["readyForRenewal"],
};
const delivery: ResourceChange = {
  ...{ operation: "change", type: "command:remote:Command", name: "gra-es-1-configuration" },
  properties: ["stdin"],
};
const kindOf = (...changes: readonly ResourceChange[]) =>
  renewalOf({ stack: "gra", changes, unchanged: 90, findings: [], packs: {}, errors: [] }).kind;

describe("an update by a schedule", () => {
  test("is made for certificates near their end and the steps that give them to their hosts", () => {
    expect(kindOf(certificate, delivery)).toBe("due");
    expect(kindOf()).toBe("none");
  });

  test("is refused as soon as anything else would change", () => {
    const others: readonly ResourceChange[] = [
      { ...certificate, properties: ["readyForRenewal", "dnsNames"] },
      { ...certificate, properties: [] },
      { ...certificate, operation: "create" },
      { ...certificate, operation: "delete" },
      { ...delivery, properties: ["stdin", "update"] },
      { ...delivery, operation: "replace" },
      { operation: "change", type: "ovh:CloudInstance", name: "gra-es-1", properties: ["flavorId"] },
    ];
    for (const other of others) {
      expect(kindOf(other)).toBe("refused");
      expect(kindOf(certificate, delivery, other)).toBe("refused");
    }
    expect(kindOf(delivery)).toBe("refused");
  });
});
