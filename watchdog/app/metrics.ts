import type { EndpointActivity } from "../applications/endpoint/activity.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { ListenerTls } from "../util/http-server.ts";
import type { Live } from "../util/live.ts";
import { version } from "../util/version.ts";
import { certificateEnds } from "./certificate-ends.ts";
import { keepServing, type ServiceParts } from "./keep-serving.ts";
import { listenerTls } from "./listener-tls.ts";

/** Serves the watchdog's metrics until the signal aborts; at once when none are configured. */
export async function runMetrics(
  loaded: LoadedConfig,
  parts: ServiceParts & { readonly endpoint: EndpointActivity | null },
): Promise<void> {
  const { config } = loaded;
  const { metrics } = config;
  if (metrics === null) return;
  const { watchdog, applications, endpoint, renewals, log, signal } = parts;
  // Loaded on demand: a watchdog without metrics does not hold them in memory.
  const { Exposition } = await import("../metrics/exposition.ts");
  const { serveMetrics } = await import("../metrics/server.ts");
  const { runSurveys } = await import("./surveys.ts");
  const surveys = runSurveys(loaded, { watchdog, log, signal });
  const exposition = new Exposition();
  const text = async () =>
    exposition.text({
      ...watchdog.measurements(),
      config,
      version,
      status: watchdog.status(),
      readiness: watchdog.readiness(),
      applications: applications(),
      endpoint,
      certificates: await certificateEnds(config),
      surveyed: surveys.latest(),
    });
  let tls: Live<ListenerTls> | null = null;
  const serve = async () => {
    tls ??= await listenerTls("metrics", metrics, renewals);
    return serveMetrics({ listen: metrics.listen, tls, contentType: exposition.contentType, text });
  };
  await keepServing({ event: "metrics", name: "the metrics service", serve }, log, signal);
  await surveys.ended;
}
