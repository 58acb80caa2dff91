import { systemClock } from "../adapters/clock.ts";
import { listenOf, type PageSettings } from "../config/page.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { answerStatus } from "../controller/control-api/handlers.ts";
import type { Authenticate } from "../page/authentication.ts";
import type { PageView } from "../page/view.ts";
import { listSalvages } from "../salvage/exports.ts";
import { salvageRoot } from "../salvage/salvage.ts";
import type { ListenerTls } from "../util/http-server.ts";
import type { Live } from "../util/live.ts";
import { runLoop } from "../util/loop.ts";
import { version } from "../util/version.ts";
import { keepServing, type ServiceParts } from "./keep-serving.ts";
import { listenerTls } from "./listener-tls.ts";
import type { Renewals } from "./renewals.ts";
import { passwordsSource } from "./sources.ts";

/** Entries of the history to read; the page shows the newest. */
const HISTORY_READ = 30;
/** While somebody reads the page: what has not visibly changed is read again after this time. */
const HISTORY_AGE_MS = 15_000;
const EXPORTS_AGE_MS = 15_000;
/** Readers share a look that is younger: asking the rules takes time that the watchdog's other work needs. */
const SHARED_MS = 500;

/** Serves the status page until the signal aborts; nothing when none is configured. */
export async function runPage(config: WatchdogConfig, parts: ServiceParts): Promise<void> {
  const { page } = config;
  if (page === null) return;
  const { renewals, log, signal } = parts;
  // Loaded on demand: a watchdog without the page does not hold it in memory.
  const { servePage } = await import("../page/server.ts");
  const { view, sample } = await pageView(config, parts);
  let tls: Live<ListenerTls> | null = null;
  let authenticate: Authenticate | null = null;
  const serve = async () => {
    tls ??= await pageTls(page, renewals);
    authenticate ??= await authenticationOf(page.authentication, renewals);
    return servePage({ listen: listenOf(page), tls, authenticate, view, version });
  };
  await Promise.all([
    keepServing({ event: "page", name: "the status page", serve }, log, signal),
    runLoop(sample, { clock: systemClock, log, signal }),
  ]);
}

async function pageView(config: WatchdogConfig, { watchdog, applications }: ServiceParts) {
  const { LagSamples, SAMPLE_INTERVAL_MS } = await import("../page/lag-samples.ts");
  const { LastReadCell } = await import("../page/last-read.ts");
  const clock = systemClock;
  const lag = new LagSamples();
  const history = new LastReadCell({ read: () => watchdog.history(HISTORY_READ), maxAgeMs: HISTORY_AGE_MS, clock });
  const root = salvageRoot(config.stateDirectory);
  const exports = new LastReadCell({ read: () => listSalvages(root), maxAgeMs: EXPORTS_AGE_MS, clock });
  const look = async (): Promise<PageView> => {
    const status = answerStatus(watchdog, applications());
    const { epoch, phase } = status.record ?? {};
    await Promise.all([history.refresh(`${epoch} ${phase}`), exports.refresh()]);
    return {
      status,
      history: history.last,
      exports: exports.last,
      lag: lag.all,
      maxLagOperations: config.replication.maxLagOperations,
      version,
    };
  };
  let latest: { readonly atMs: number; readonly view: Promise<PageView> } | null = null;
  const view = (): Promise<PageView> => {
    const atMs = clock.monotonicMs();
    if (latest === null || atMs - latest.atMs >= SHARED_MS) latest = { atMs, view: look() };
    return latest.view;
  };
  const sample = {
    name: "sample the lag",
    intervalMs: () => SAMPLE_INTERVAL_MS,
    round: async () => {
      const { nowMs, replication } = watchdog.status();
      lag.add({ atMs: nowMs, operations: replication?.lagOperations ?? null });
    },
  };
  return { view, sample };
}

function pageTls(
  { authentication, ...own }: PageSettings,
  renewals: Pick<Renewals, "add">,
): Promise<Live<ListenerTls> | null> {
  const clientCaFile = authentication.kind === "certificate" ? authentication.clientCaFile : null;
  return listenerTls("page", { ...own, clientCaFile }, renewals, "page.authentication.clientCaFile");
}

async function authenticationOf(
  authentication: PageSettings["authentication"],
  renewals: Pick<Renewals, "add">,
): Promise<Authenticate> {
  const { byCertificate, byPassword, byProxy } = await import("../page/authentication.ts");
  switch (authentication.kind) {
    case "certificate":
      return byCertificate;
    case "password": {
      const { username, passwordFile } = authentication;
      const key = "page.authentication.passwordFile";
      return byPassword(username, await renewals.add(passwordsSource("page", key, passwordFile)), systemClock);
    }
    case "proxy":
      return byProxy(authentication.hosts);
    default:
      return authentication satisfies never;
  }
}
