import { exporterRows } from "./dashboards/exporters.ts";
import { failoverRows } from "./dashboards/failover.ts";
import type { Panel, Row } from "./dashboards/panel.ts";

/** Dashboards for Grafana, as files to import: monitoring/dashboards has them as `npm run docs` writes them. */

export interface Dashboard {
  /** Of its file, and permanent: Grafana replaces an earlier import of the same. */
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

export const dashboards: readonly Dashboard[] = [
  { name: "es-failover", title: "es-failover", rows: failoverRows },
  { name: "es-failover-exporters", title: "es-failover: hosts and services", rows: exporterRows },
];

const columns = 24;
const panelHeight = 7;
/** Of Grafana 11; a newer one converts it at the import. */
const schemaVersion = 39;

export function dashboardJson({ name, title, rows }: Dashboard): string {
  const panels = rows.flatMap((row, index) => panelsOf(row, index));
  const dashboard = {
    uid: name,
    title,
    tags: ["es-failover"],
    schemaVersion,
    version: 1,
    editable: true,
    timezone: "utc",
    refresh: "30s",
    time: { from: "now-3h", to: "now" },
    templating: { list: [{ name: "source", label: "Prometheus", type: "datasource", query: "prometheus" }] },
    panels: panels.map((panel, index) => ({ id: index + 1, ...panel })),
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

/** A heading, and the row's panels side by side below it. */
function panelsOf({ title, panels }: Row, index: number): readonly object[] {
  const y = index * (panelHeight + 1);
  const width = Math.floor(columns / panels.length);
  return [
    { type: "row", title, collapsed: false, panels: [], gridPos: { x: 0, y, w: columns, h: 1 } },
    ...panels.map((panel, position) => ({
      ...grafanaPanel(panel),
      gridPos: { x: position * width, y: y + 1, w: width, h: panelHeight },
    })),
  ];
}

const datasource = { type: "prometheus", uid: "$" + "{source}" };

function grafanaPanel({ title, query, legend, unit = "short", kind = "timeseries" }: Panel): object {
  const isNow = kind === "stat";
  return {
    type: kind,
    title,
    datasource,
    targets: [{ refId: "A", datasource, expr: query, legendFormat: legend, instant: isNow, range: !isNow }],
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: isNow
      ? { reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false }, textMode: "value_and_name" }
      : { legend: { displayMode: "list", placement: "bottom", showLegend: true }, tooltip: { mode: "multi" } },
  };
}
