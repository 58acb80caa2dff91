import type { Dashboard, Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import type { Options as StatOptions } from "@grafana/grafana-foundation-sdk/stat";
import type { Options as TimeseriesOptions } from "@grafana/grafana-foundation-sdk/timeseries";

/** Grafana's published schema of a dashboard, for the kinds of panels that are used here. tsc compares ours with it. */

/** The schema's types as JSON: enumerations by their texts, without methods. */
type Json<Type> = Type extends string
  ? `${Type}`
  : Type extends number | boolean
    ? Type
    : Type extends readonly (infer Item)[]
      ? readonly Json<Item>[]
      : Type extends object
        ? { readonly [Key in keyof Type as Type[Key] extends () => void ? never : Key]: Json<Type[Key]> }
        : Type;

/** The schema leaves what a panel shows, and its queries, to its kind and its source. */
type PanelOf<Kind extends string, Options> = Omit<Json<Panel>, "type" | "targets" | "options"> & {
  readonly type: Kind;
  readonly targets: readonly Json<Dataquery>[];
  readonly options: Json<Options>;
};

export type GrafanaPanel = PanelOf<"stat", StatOptions> | PanelOf<"timeseries", TimeseriesOptions>;
export type GrafanaRow = Json<RowPanel>;
export type GrafanaDashboard = Omit<Json<Dashboard>, "panels"> & {
  readonly panels: readonly (GrafanaRow | GrafanaPanel)[];
};
