import type { ConfigViolation } from "../../watchdog/config/violations.ts";
import { contains, parseCidr } from "../ipv4.ts";
import { alertNames } from "../monitoring/alert-rules.ts";
import { keyName } from "./messages.ts";
import type { Monitoring } from "./monitoring.ts";
import { configNamespace, type StackConfig } from "./schema.ts";

type MonitoredConfig = Pick<StackConfig, "monitoring" | "witness" | "network" | "deadMansSwitchUrl" | "alertsSecret">;

/** No message shows a URL: whoever has one may write to the receiver. */
export function monitoringContradictions(config: MonitoredConfig): readonly ConfigViolation[] {
  const { monitoring, witness } = config;
  if (monitoring === null) return [];
  return [
    ...(witness === null
      ? [
          {
            key: "monitoring",
            message: `needs the witness, and ${keyName("witness")} is none: use the files of monitoring/`,
          },
        ]
      : []),
    ...unknownAlerts(monitoring),
    ...urlViolations(config, monitoring, "deadMansSwitchUrl"),
    ...alertsSecretViolations(config, monitoring),
  ];
}

function unknownAlerts({ alertDelaysMs }: Monitoring): readonly ConfigViolation[] {
  const known = alertNames();
  return Object.keys(alertDelaysMs)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      key: `monitoring.alertDelaysMs.${name}`,
      message: "names no alert of monitoring/rules: write a name as docs/runbook.md has it",
    }));
}

function alertsSecretViolations(config: MonitoredConfig, monitoring: Monitoring): readonly ConfigViolation[] {
  const { alerts } = monitoring;
  if (alerts.kind !== "email") return urlViolations(config, monitoring, "alertsSecret");
  if ((alerts.username === null) === (config.alertsSecret === undefined)) return [];
  const message =
    alerts.username === null
      ? "belongs to monitoring.alerts.username, which is missing"
      : `is missing, and monitoring.alerts.username has a password: ${store("alertsSecret")}`;
  return [{ key: "alertsSecret", message }];
}

function urlViolations(
  config: MonitoredConfig,
  { plainHttp }: Monitoring,
  key: "deadMansSwitchUrl" | "alertsSecret",
): readonly ConfigViolation[] {
  const text = config[key];
  const what = key === "deadMansSwitchUrl" ? "a receiver that complains when messages stop" : "the receiver of alerts";
  if (text === undefined) return [{ key, message: `is missing: name ${what}: ${store(key)}` }];
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return [{ key, message: `is no URL: write that of ${what}` }];
  if (url.protocol === "http:" && !plainHttp) {
    return [{ key, message: "is an http URL: write an https URL, or set monitoring.plainHttp to true" }];
  }
  if (key === "alertsSecret" || !isWithin(url.hostname, config.network.cidr)) return [];
  const message = `is within ${keyName("network.cidr")}: it would fall silent with what it watches. Name a receiver outside`;
  return [{ key, message }];
}

function isWithin(host: string, cidr: string): boolean {
  const [inner, outer] = [parseCidr(`${host}/32`), parseCidr(cidr)];
  return inner !== undefined && outer !== undefined && contains(outer, inner);
}

const store = (key: string): string => `store it with \`pulumi config set --secret ${configNamespace}:${key}\``;
