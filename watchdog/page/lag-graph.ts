import { time } from "../util/text.ts";
import { table } from "./elements.ts";
import { type Html, html } from "./html.ts";
import type { LagSample } from "./lag-samples.ts";

/** Units of the drawing, which is stretched to the width of the page. */
const WIDTH = 600;
const HEIGHT = 100;
/** Rows of the table that tells the same in words. */
const PERIODS = 12;

/** How far the standby was behind, as a line, in a sentence and in a table. */
export function lagGraph(samples: readonly LagSample[], maxLagOperations: number): Html {
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (first === undefined || last === undefined)
    return html`<p>No lag has been sampled since this watchdog started.</p>`;
  const known = samples.flatMap(({ operations }) => operations ?? []);
  const top = Math.max(1, ...known);
  const summary = summaryOf(samples, known);
  const limit = `A standby more than ${maxLagOperations} operations behind is not in sync.`;
  return html`<figure>
<div class="graph" aria-hidden="true"><span class="top">${top}</span><span class="zero">0</span>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" focusable="false">
<line class="axis" x1="0" y1="${HEIGHT}" x2="${WIDTH}" y2="${HEIGHT}"/>
${maxLagOperations <= top ? limitLine(HEIGHT - (HEIGHT * maxLagOperations) / top) : null}
<path class="lag" d="${pathOf(samples, first.atMs, last.atMs, top)}"/></svg>
<span class="from">${clock(first.atMs)}</span><span class="to">${clock(last.atMs)}</span></div>
<figcaption>${summary} ${limit}${maxLagOperations <= top ? " The dashed line is that limit." : ""}</figcaption></figure>
<details id="lag-details"><summary>The same as a table</summary>
${table("lag", "Lag by time", [["FROM", "MOST", "LAST"], ...periodsOf(samples)])}</details>`;
}

const clock = (atMs: number): string => time(atMs).slice(11, 19);

const limitLine = (y: number): Html =>
  html`<line class="limit" x1="0" y1="${y.toFixed(1)}" x2="${WIDTH}" y2="${y.toFixed(1)}"/>`;

/** A line for each run of known samples; a gap where the lag was not known. */
function pathOf(samples: readonly LagSample[], fromMs: number, toMs: number, top: number): string {
  const span = Math.max(1, toMs - fromMs);
  let draws = false;
  return samples
    .flatMap(({ atMs, operations }) => {
      if (operations === null) {
        draws = false;
        return [];
      }
      const point = `${((WIDTH * (atMs - fromMs)) / span).toFixed(1)} ${(HEIGHT - (HEIGHT * operations) / top).toFixed(1)}`;
      const command = draws ? "L" : "M";
      draws = true;
      return [`${command}${point}`];
    })
    .join("");
}

const inOperations = (operations: number | null | undefined): string =>
  operations === null || operations === undefined ? "unknown" : String(operations);

function summaryOf(samples: readonly LagSample[], known: readonly number[]): string {
  const now = `Lag in operations: now ${inOperations(samples.at(-1)?.operations)}`;
  if (known.length === 0) return `${now}, and it was never known.`;
  const gaps = samples.length - known.length;
  const unknown = gaps === 0 ? "" : `, unknown in ${gaps} of ${samples.length} samples`;
  return `${now}, at most ${Math.max(...known)}${unknown}.`;
}

function periodsOf(samples: readonly LagSample[]): string[][] {
  const size = Math.ceil(samples.length / PERIODS);
  const periods: string[][] = [];
  for (let at = 0; at < samples.length; at += size) {
    const period = samples.slice(at, at + size);
    const known = period.flatMap(({ operations }) => operations ?? []);
    const most = known.length === 0 ? null : Math.max(...known);
    periods.push([clock(period[0]?.atMs ?? 0), inOperations(most), inOperations(period.at(-1)?.operations)]);
  }
  return periods;
}
