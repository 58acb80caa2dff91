import { exporterRows } from "./dashboards/exporters.ts";
import { failoverRows } from "./dashboards/failover.ts";
import type { GrafanaDashboard, GrafanaPanel, GrafanaRow } from "./dashboards/grafana.ts";
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
  let lastId = 0;
  const nextId = () => ++lastId;
  const dashboard: GrafanaDashboard = {
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
    annotations: { list: [] },
    panels: rows.flatMap((row, index) => panelsOf(row, index, nextId)),
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

/** A heading, and the row's panels side by side below it. */
function panelsOf({ title, panels }: Row, index: number, nextId: () => number): readonly (GrafanaRow | GrafanaPanel)[] {
  const y = index * (panelHeight + 1);
  const width = Math.floor(columns / panels.length);
  const heading: GrafanaRow = {
    id: nextId(),
    type: "row",
    title,
    collapsed: false,
    panels: [],
    gridPos: { x: 0, y, w: columns, h: 1 },
  };
  const shown = panels.map((panel, position) =>
    grafanaPanel(panel, nextId(), { x: position * width, y: y + 1, w: width, h: panelHeight }),
  );
  return [heading, ...shown];
}

const datasource = { type: "prometheus", uid: "$" + "{source}" };

function grafanaPanel(
  { title, query, legend, unit = "short", kind = "timeseries" }: Panel,
  id: number,
  gridPos: NonNullable<GrafanaPanel["gridPos"]>,
): GrafanaPanel {
  const isNow = kind === "stat";
  const shared: Omit<GrafanaPanel, "type" | "options"> = {
    id,
    title,
    datasource,
    targets: [{ refId: "A", datasource, expr: query, legendFormat: legend, instant: isNow, range: !isNow }],
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    gridPos,
  };
  if (!isNow) {
    return {
      ...shared,
      type: "timeseries",
      options: {
        legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
        tooltip: { mode: "multi", sort: "none" },
      },
    };
  }
  return {
    ...shared,
    type: "stat",
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      textMode: "value_and_name",
      colorMode: "value",
      graphMode: "none",
      justifyMode: "auto",
      orientation: "auto",
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: "standard",
    },
  };
}
