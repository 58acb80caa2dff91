export interface Panel {
  readonly title: string;
  readonly query: string;
  /** Grafana's template of a series' name. */
  readonly legend: string;
  /** Grafana's name of the unit; default: a plain number. */
  readonly unit?: "short" | "s" | "bytes" | "percentunit" | "reqps" | "bool_yes_no";
  /** stat: the value now. Default: its course. */
  readonly kind?: "stat" | "timeseries";
}

/** Panels side by side, under a heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}
