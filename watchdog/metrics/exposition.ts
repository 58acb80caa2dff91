import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { metricGroups } from "./catalogue.ts";
import type { Measured, Metric } from "./metric.ts";

/** The metrics in Prometheus' text format. */
export class Exposition {
  readonly #registry = new Registry();
  readonly #metrics = Object.values(metricGroups)
    .flat()
    .map((metric) => ({ metric, collector: collectorOf(metric, this.#registry) }));

  constructor() {
    // Measuring the delay of the event loop every 10 ms, the default, would cost more than all the rest.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 1_000 });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(measured: Measured): Promise<string> {
    for (const { metric, collector } of this.#metrics) {
      // Labels that no longer apply would keep their last value.
      collector.reset();
      const samples = metric.samples(measured);
      for (const { labels, value } of samples) collector.inc(labels, value);
      // A reset leaves one without labels at 0, which would be a value.
      if (samples.length === 0) collector.remove({});
    }
    return this.#registry.metrics();
  }
}

function collectorOf({ name, type, help, labels }: Metric, registry: Registry): Gauge | Counter {
  const configuration = { name, help, labelNames: [...labels], registers: [registry] };
  return type === "counter" ? new Counter(configuration) : new Gauge(configuration);
}
