import { gauge, labelled, sampleOf, seconds } from "../metric.ts";

/** The HAProxy beside this watchdog; none of these on the witness. */
export const routerMetrics = [
  labelled(
    "router_open",
    "1 for the region to which the router may send requests now, by its ticket.",
    ["region"],
    ({ status: { router, nowMs }, config }) =>
      router === null
        ? []
        : Object.keys(config.regions).flatMap((region) =>
            sampleOf({ region }, router.ticket?.region === region && router.ticket.validUntilMs > nowMs),
          ),
  ),
  labelled(
    "ticket_expiry_timestamp_seconds",
    "End of the last ticket that was issued; absent once it has been emptied.",
    ["region"],
    ({ status: { router } }) =>
      sampleOf({ region: router?.ticket?.region ?? "" }, seconds(router?.ticket?.validUntilMs)),
  ),
  gauge("lease_expiry_timestamp_seconds", "End of the router's lease in the store.", ({ status: { router } }) =>
    seconds(router?.leaseUntilMs),
  ),
  gauge(
    "router_acknowledged_epoch",
    "The epoch that the router last acknowledged.",
    ({ status: { router } }) => router?.acknowledgedEpoch,
  ),
  gauge("router_up", "1 when HAProxy answers the watchdog beside it.", ({ status: { router } }) =>
    router === null ? null : router.state !== null && router.error === null,
  ),
  labelled(
    "router_servers_up",
    "Servers of the region that HAProxy's health checks find up.",
    ["region"],
    ({ status: { router }, config }) =>
      Object.keys(config.regions).flatMap((region) =>
        sampleOf({ region }, router?.state?.servers.filter((server) => server.region === region && server.up).length),
      ),
  ),
];
