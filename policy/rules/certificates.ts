import { X509Certificate } from "node:crypto";
import { ofType, type ResourceRule, type StackRule, textOf, types } from "../model.ts";

const dayMs = 86_400_000;
/** A new authority has to reach every host and every application first. */
const authorityDays = 180;
/** `pulumi up` renews a host's certificate 60 days before its end. One that is older than that has missed it. */
const hostDays = 30;

const days = (ms: number): number => Math.floor(ms / dayMs);

/** The end of a certificate; undefined where the text is none. */
function endOf(pem: string): Date | undefined {
  try {
    return new X509Certificate(pem).validToDate;
  } catch {
    return undefined;
  }
}

export function authorityIsValid(now: () => Date = () => new Date()): ResourceRule {
  return {
    id: "authority-is-valid",
    purpose: `The certificate authority is valid for ${authorityDays} days at least, and longer than what it signs.`,
    types: [types.certificate],
    check: (resource) => {
      const pem = textOf(resource, "caCertPem");
      const end = pem === undefined ? undefined : endOf(pem);
      if (end === undefined) return [];
      const leftMs = end.getTime() - now().getTime();
      const hours = resource.props["validityPeriodHours"];
      const replace =
        "Plan its replacement: every host and application has to trust the new one before the old one ends.";
      if (leftMs < authorityDays * dayMs) {
        return [
          `The authority that signs ${resource.name} ${leftMs < 0 ? "has ended" : `ends in ${days(leftMs)} days`} (${end.toISOString()}). ${replace}`,
        ];
      }
      if (typeof hours === "number" && hours * 3_600_000 > leftMs) {
        return [
          `${resource.name} would be valid for ${hours / 24} days, its authority for ${days(leftMs)}. ${replace}`,
        ];
      }
      return [];
    },
  };
}

export function certificatesAreFresh(now: () => Date = () => new Date()): StackRule {
  return {
    id: "certificates-are-fresh",
    purpose: `No certificate ends within ${hostDays} days.`,
    check: (stack) =>
      ofType(stack, types.certificate).flatMap((certificate) => {
        const end = endOf(textOf(certificate, "certPem") ?? "");
        const leftMs = (end?.getTime() ?? Number.POSITIVE_INFINITY) - now().getTime();
        if (end === undefined || leftMs >= hostDays * dayMs) return [];
        return [
          {
            urn: certificate.urn,
            message:
              `${certificate.name} ${leftMs < 0 ? "has ended" : `ends in ${days(leftMs)} days`} (${end.toISOString()}), and this change does not ` +
              "renew it: run `pulumi refresh`, then `pulumi up`.",
          },
        ];
      }),
  };
}
