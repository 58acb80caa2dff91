import { isLoopback } from "./applications.ts";
import type { NotificationSettings, TargetOf, TargetSettings } from "./notifications.ts";
import type { ConfigViolation } from "./violations.ts";

/** Rules over several keys of the section of notifications. */
export function notificationViolations({ targets }: NotificationSettings): readonly ConfigViolation[] {
  return targets.flatMap((target, position) => {
    const key = `notifications.targets[${position}]`;
    return [...nameViolations(key, targets, position), ...targetViolations(key, target)];
  });
}

function nameViolations(key: string, targets: readonly TargetSettings[], position: number): readonly ConfigViolation[] {
  const name = targets[position]?.name;
  const first = targets.findIndex((other) => other.name === name);
  if (first === position) return [];
  return [{ key: `${key}.name`, message: `is "${name}", which targets[${first}] has already` }];
}

function targetViolations(key: string, target: TargetSettings): readonly ConfigViolation[] {
  switch (target.kind) {
    case "webhook":
      if (target.url.startsWith("https:") || isLoopback(target.url)) return [];
      return [
        { key: `${key}.url`, message: `is "${target.url}": plain http is for this host alone, write an https URL` },
      ];
    case "smtp":
      return smtpViolations(key, target);
    case "slack":
    case "command":
      return [];
    default:
      return target satisfies never;
  }
}

function smtpViolations(key: string, { tls, host, username, passwordFile }: TargetOf<"smtp">): ConfigViolation[] {
  const violations: ConfigViolation[] = [];
  if (tls === "none" && !isLoopback(`${host}:25`)) {
    violations.push({ key: `${key}.tls`, message: `is "none": mail to ${host} leaves this host, so it needs TLS` });
  }
  if ((username === null) !== (passwordFile === null)) {
    violations.push({ key: `${key}.passwordFile`, message: `and ${key}.username must both be given or left out` });
  }
  return violations;
}
