import { createHash, createPublicKey, randomUUID } from "node:crypto";
import type { JsonNameParams } from "@peculiar/x509";
import { flag, number, optionalMap, optionalNumber, optionalText, text, texts } from "../protocol/inputs.ts";
import type { Change, ProviderPackage, Recorded, ResourceType, Violation } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import { packageSchema } from "../schema/schema.ts";
import {
  type CertificateOptions,
  certificateRequest,
  type IssuedCertificate,
  keyAlgorithmOfPem,
  knownUses,
  type SubjectNames,
  selfSignedCertificate,
  signRequest,
} from "./certificates.ts";
import {
  algorithmOf,
  curves,
  generatePrivateKey,
  type KeyAlgorithm,
  keyAlgorithms,
  privateKeyPem,
  readPrivateKey,
} from "./keys.ts";
import { opensshKey } from "./openssh.ts";

const defaultRsaBits = 2048;

function keyAlgorithm(inputs: PropertyMap): KeyAlgorithm | undefined {
  return keyAlgorithms.find((known) => known === inputs["algorithm"]);
}

const privateKey: ResourceType = {
  violations: (inputs) => {
    const { algorithm, ecdsaCurve } = inputs;
    if (typeof algorithm === "string" && keyAlgorithm(inputs) === undefined) {
      return [{ property: "algorithm", reason: `must be one of ${keyAlgorithms.join(", ")}` }];
    }
    const curveServed = typeof ecdsaCurve === "string" && ecdsaCurve in curves;
    if (algorithm === "ECDSA" && !curveServed && typeof ecdsaCurve !== "object") {
      const reason = `must be one of ${Object.keys(curves).join(", ")}: the lab does not serve the default P224`;
      return [{ property: "ecdsaCurve", reason }];
    }
    return [];
  },
  create: async (inputs) => {
    const rsaBits = optionalNumber(inputs, "rsaBits") ?? defaultRsaBits;
    const curve = optionalText(inputs, "ecdsaCurve") ?? "P224";
    const key = await generatePrivateKey(keyAlgorithm(inputs) ?? "RSA", { rsaBits, curve });
    const publicKeyPem = createPublicKey(key).export({ format: "pem", type: "spki" }).toString();
    const openssh = opensshKey(key);
    const outputs = {
      ecdsaCurve: curve,
      rsaBits,
      ...inputs,
      privateKeyPem: privateKeyPem(key),
      privateKeyPemPkcs8: key.export({ format: "pem", type: "pkcs8" }).toString(),
      privateKeyOpenssh: openssh?.privateKey ?? "",
      publicKeyPem,
      publicKeyOpenssh: openssh?.publicKey ?? "",
      publicKeyFingerprintMd5: openssh?.fingerprintMd5 ?? "",
      publicKeyFingerprintSha256: openssh?.fingerprintSha256 ?? "",
    };
    return { id: createHash("sha1").update(publicKeyPem).digest("hex"), outputs };
  },
};

/** Attribute types of a distinguished name, by the tls package's property names (RFC 5280, RFC 4519). */
const subjectAttributes: Readonly<Record<string, string>> = {
  country: "C",
  organization: "O",
  organizationalUnit: "OU",
  locality: "L",
  province: "ST",
  streetAddresses: "2.5.4.9",
  postalCode: "2.5.4.17",
  commonName: "CN",
  serialNumber: "2.5.4.5",
  emailAddress: "1.2.840.113549.1.9.1",
};

function subjectOf(inputs: PropertyMap): JsonNameParams {
  const subject = optionalMap(inputs, "subject") ?? {};
  return Object.entries(subjectAttributes).flatMap(([property, attribute]) => {
    const values = property === "streetAddresses" ? texts(subject, property) : [optionalText(subject, property) ?? ""];
    return values.filter((value) => value !== "").map((value) => ({ [attribute]: [value] }));
  });
}

function namesOf(inputs: PropertyMap): SubjectNames {
  return {
    dnsNames: texts(inputs, "dnsNames"),
    ipAddresses: texts(inputs, "ipAddresses"),
    uris: texts(inputs, "uris"),
  };
}

function optionsOf(inputs: PropertyMap): CertificateOptions {
  const maxPathLength = optionalNumber(inputs, "maxPathLength");
  return {
    validityHours: number(inputs, "validityPeriodHours"),
    allowedUses: texts(inputs, "allowedUses"),
    isCa: flag(inputs, "isCaCertificate", false),
    ...(maxPathLength === undefined ? {} : { maxPathLength }),
    setSubjectKeyId: flag(inputs, "setSubjectKeyId", false),
    setAuthorityKeyId: flag(inputs, "setAuthorityKeyId", false),
  };
}

/** The lab does not serve write-only inputs, which exist for programs that keep keys elsewhere. */
function keyViolations(inputs: PropertyMap, property: string): Violation[] {
  const writeOnly = `${property}Wo`;
  if (inputs[writeOnly] !== undefined) {
    return [
      { property: writeOnly, reason: `is not served by the lab; use ${property}, which is a secret of the state` },
    ];
  }
  return inputs[property] === undefined ? [{ property, reason: "is required and missing" }] : [];
}

function certificateViolations(inputs: PropertyMap): Violation[] {
  const { allowedUses, validityPeriodHours, earlyRenewalHours } = inputs;
  const uses = Array.isArray(allowedUses) ? allowedUses : [];
  const strange = uses.filter((use) => typeof use === "string" && !knownUses.includes(use));
  const violations: Violation[] = strange.map((use) => ({
    property: "allowedUses",
    reason: `${String(use)} is unknown; known are ${knownUses.join(", ")}`,
  }));
  if (typeof validityPeriodHours === "number" && validityPeriodHours < 0) {
    violations.push({ property: "validityPeriodHours", reason: "must not be negative" });
  }
  if (typeof earlyRenewalHours === "number" && earlyRenewalHours < 0) {
    violations.push({ property: "earlyRenewalHours", reason: "must not be negative" });
  }
  return violations;
}

function certificateOutputs(inputs: PropertyMap, certificate: IssuedCertificate): PropertyMap {
  return {
    earlyRenewalHours: 0,
    isCaCertificate: false,
    maxPathLength: -1,
    setSubjectKeyId: false,
    ...inputs,
    certPem: certificate.pem,
    validityStartTime: certificate.validFrom.toISOString(),
    validityEndTime: certificate.validUntil.toISOString(),
    readyForRenewal: false,
  };
}

/** Replaces a certificate in its early renewal period even when no input changed. */
function renewWhenDue(change: Change, old: Recorded, inputs: PropertyMap): Change {
  const end = Date.parse(optionalText(old.outputs, "validityEndTime") ?? "");
  const earlyHours = inputs["earlyRenewalHours"];
  const renewalAt = end - (typeof earlyHours === "number" ? earlyHours : 0) * 3_600_000;
  // A change of the period alone does not affect the present certificate.
  const replaces = change.replaces.filter((name) => name !== "earlyRenewalHours");
  if (!(Date.now() >= renewalAt)) return { ...change, replaces };
  return {
    ...change,
    changed: [...change.changed, "readyForRenewal"],
    replaces: [...replaces, "readyForRenewal"],
  };
}

/** Only the early renewal period changes in place; it needs no new certificate. */
async function keepCertificate(_id: string, old: Recorded, inputs: PropertyMap): Promise<PropertyMap> {
  return { ...old.outputs, ...inputs };
}

function everythingReplaces(change: Change): Change {
  return { ...change, replaces: change.changed };
}

const selfSignedCert: ResourceType = {
  violations: (inputs) => [...keyViolations(inputs, "privateKeyPem"), ...certificateViolations(inputs)],
  change: (change, old, inputs) => renewWhenDue(everythingReplaces(change), old, inputs),
  create: async (inputs) => {
    const key = readPrivateKey(text(inputs, "privateKeyPem"), "privateKeyPem");
    const certificate = await selfSignedCertificate(key, subjectOf(inputs), namesOf(inputs), optionsOf(inputs));
    const outputs = { setAuthorityKeyId: false, ...certificateOutputs(inputs, certificate) };
    return { id: randomUUID(), outputs: { ...outputs, keyAlgorithm: algorithmOf(key) } };
  },
  update: keepCertificate,
};

const certRequest: ResourceType = {
  violations: (inputs) => keyViolations(inputs, "privateKeyPem"),
  create: async (inputs) => {
    const key = readPrivateKey(text(inputs, "privateKeyPem"), "privateKeyPem");
    const certRequestPem = await certificateRequest(key, subjectOf(inputs), namesOf(inputs));
    const id = createHash("sha1").update(certRequestPem).digest("hex");
    return { id, outputs: { ...inputs, certRequestPem, keyAlgorithm: algorithmOf(key) } };
  },
};

const locallySignedCert: ResourceType = {
  violations: (inputs) => [...keyViolations(inputs, "caPrivateKeyPem"), ...certificateViolations(inputs)],
  change: (change, old, inputs) => renewWhenDue(everythingReplaces(change), old, inputs),
  create: async (inputs) => {
    const caCertPem = text(inputs, "caCertPem");
    const caKey = readPrivateKey(text(inputs, "caPrivateKeyPem"), "caPrivateKeyPem");
    const certificate = await signRequest(text(inputs, "certRequestPem"), caCertPem, caKey, optionsOf(inputs));
    const caKeyAlgorithm = keyAlgorithmOfPem(caCertPem, "caCertPem");
    return { id: randomUUID(), outputs: { ...certificateOutputs(inputs, certificate), caKeyAlgorithm } };
  },
  update: keepCertificate,
};

export function tlsPackage(): ProviderPackage {
  return {
    schema: packageSchema("tls"),
    resources: {
      "tls:index/privateKey:PrivateKey": privateKey,
      "tls:index/selfSignedCert:SelfSignedCert": selfSignedCert,
      "tls:index/certRequest:CertRequest": certRequest,
      "tls:index/locallySignedCert:LocallySignedCert": locallySignedCert,
    },
    functions: {},
  };
}
