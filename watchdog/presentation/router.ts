import type { RouterReport } from "../controller/status.ts";
import { duration } from "../util/text.ts";

/** The HAProxy beside a watchdog: what each part of it is, and a sentence. */
export function routerRows(router: RouterReport, nowMs: number): string[][] {
  const rows = [[router.name, router.summary]];
  if (router.error !== null) rows.push(["error", router.error]);
  if (router.leaseUntilMs !== null) rows.push(["lease", remaining(router.leaseUntilMs, nowMs)]);
  if (router.writePause !== null) {
    const { fromMs, toMs } = router.writePause;
    rows.push(["last change", `no write was acknowledged for ${duration(toMs - fromMs)}`]);
  }
  for (const { region, validUntilMs } of router.state?.tickets ?? []) {
    rows.push(["ticket", `${region}: ${remaining(validUntilMs, nowMs)}`]);
  }
  for (const { region, name, up } of router.state?.servers ?? []) {
    rows.push(["server", `${region}/${name}: ${up ? "up" : "DOWN"}`]);
  }
  return rows;
}

const remaining = (untilMs: number, nowMs: number): string =>
  untilMs > nowMs ? `${duration(untilMs - nowMs)} left` : `ended ${duration(nowMs - untilMs)} ago`;
