import type { StepReport } from "../controller/status.ts";
import { exceptionRows } from "../presentation/exceptions.ts";
import { exportRows } from "../presentation/exports.ts";
import { problemRows } from "../presentation/problems.ts";
import { regionRows, replicationRows } from "../presentation/replication.ts";
import { routerRows } from "../presentation/router.ts";
import { stateRows } from "../presentation/state.ts";
import { stepRows } from "../presentation/steps.ts";
import { failsafeRows, leadershipSentence, watchdogRows } from "../presentation/watchdogs.ts";
import { time } from "../util/text.ts";
import { facts, moment, paragraph, table } from "./elements.ts";
import { ageOf, headlineOf } from "./headline.ts";
import { type Html, html } from "./html.ts";
import { lagGraph } from "./lag-graph.ts";
import type { LastRead, PageView } from "./view.ts";

/** More would bury the rest of the page; `es-failover history` has all. */
const HISTORY_SHOWN = 30;
const DECISIONS_SHOWN = 10;

/** A part of the page that is replaced as a whole when it changes. */
export interface Section {
  readonly id: string;
  /** null: the section has no heading of its own. */
  readonly title: string | null;
  readonly content: (view: PageView) => Html;
}

/** In the order of what is asked first. */
export const sections: readonly Section[] = [
  { id: "headline", title: null, content: headlineSection },
  { id: "as-of", title: null, content: asOfSection },
  { id: "problems", title: "Problems", content: problemsSection },
  { id: "change", title: "Change under way", content: changeSection },
  { id: "routers", title: "Watchdogs and routers", content: routersSection },
  { id: "clusters", title: "Clusters", content: clustersSection },
  { id: "replication", title: "Replication", content: replicationSection },
  { id: "readiness", title: "Readiness", content: readinessSection },
  { id: "history", title: "History", content: historySection },
  { id: "salvage", title: "Salvage", content: salvageSection },
];

function headlineSection({ status }: PageView): Html {
  const { tone, label, sentence, reasons } = headlineOf(status);
  return html`<div class="headline ${tone}"><p><strong class="label">${label}</strong> ${sentence}</p>
<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul></div>`;
}

function asOfSection({ status }: PageView): Html {
  const age = ageOf(status);
  return html`<p>As of ${moment(status.nowMs)} UTC${age === null ? "" : `; it has been so ${age}`}. ${status.summary}</p>`;
}

function problemsSection({ status }: PageView): Html {
  const rows = problemRows(status);
  return facts(rows) ?? html`<p>None that this watchdog sees.</p>`;
}

const stepSigns = { pending: "○", running: "▶", done: "✓", failed: "✗" } as const satisfies Record<
  StepReport["status"],
  string
>;

function changeSection({ status: { plan, record } }: PageView): Html {
  if (plan !== null && plan.length > 0) {
    const [, ...rows] = stepRows(plan);
    return html`<ol class="steps">${rows.map(([kind = "", , took = "", detail = ""], at) =>
      stepItem(plan[at]?.status ?? "pending", { kind, took, detail }),
    )}</ol>`;
  }
  if (record?.phase === "closing") return html`<p>The routers close first; the steps follow.</p>`;
  const last = record?.lastFailover ?? null;
  if (last === null) return html`<p>None, and there has been none.</p>`;
  const { kind, from, to, finishedAtMs, loss } = last;
  return html`<p>None. The last one was a ${kind} from ${from} to ${to}, at ${time(finishedAtMs)} UTC: ${loss.explanation}.</p>
${facts(exceptionRows(last))}`;
}

function stepItem(
  status: StepReport["status"],
  { kind, took, detail }: { readonly kind: string; readonly took: string; readonly detail: string },
): Html {
  return html`<li class="step ${status}"><span class="sign" aria-hidden="true">${stepSigns[status]}</span>
<strong>${kind}</strong> <span class="state">${status}${took === "" ? "" : ` in ${took}`}</span> <span>${detail}</span></li>`;
}

function routersSection({ status }: PageView): Html {
  const rows = watchdogRows(status);
  const failsafe = failsafeRows(status);
  return html`${rows.length === 0 ? null : table("watchdogs", "Watchdogs, with the leases of their routers", rows)}
${paragraph(leadershipSentence(status))}
${failsafe.length === 0 ? null : html`<h3>Failsafe, while the store does not answer</h3>${facts(failsafe)}`}
<h3>The router beside this watchdog, with its tickets</h3>
${status.router === null ? html`<p>None: this watchdog has no router.</p>` : facts(routerRows(status.router, status.nowMs))}`;
}

function clustersSection({ status: { regions, nowMs } }: PageView): Html {
  return table("regions", "Both clusters", regionRows(regions, nowMs));
}

function replicationSection({ status: { replication, nowMs }, lag, maxLagOperations }: PageView): Html {
  const figures =
    replication === null
      ? html`<p>This watchdog has no snapshot of a standby now.</p>`
      : facts(replicationRows(replication, nowMs));
  return html`${figures}<h3>Lag</h3>${lagGraph(lag, maxLagOperations)}`;
}

function readinessSection({ status: { record, readiness, leadership, name, nowMs } }: PageView): Html {
  const controller = leadership.leading ? name : leadership.leader;
  const unknown =
    controller === null || controller === name
      ? "It cannot be told now whether the loss of a region would lead to a failover."
      : `Whether the loss of a region would lead to a failover is known to the controller, ${controller}.`;
  return html`${readiness === null ? html`<p>${unknown}</p>` : null}
${record === null ? html`<p>There is no record yet.</p>` : facts(stateRows(record, nowMs, readiness))}`;
}

function historySection({ history, status: { decisions } }: PageView): Html {
  const entries = (history.value ?? []).slice(-HISTORY_SHOWN).toReversed();
  return html`${unread("The history", history)}
${entries.length === 0 && history.error === null ? html`<p>The history is empty.</p>` : null}
<ol class="events">${entries.map(({ atMs, rule, watchdog, epoch, explanation }) =>
    event(atMs, `${rule}, epoch ${epoch}, by ${watchdog}`, explanation),
  )}</ol>
<h3>Decisions of this watchdog, newest first</h3>
<ol class="events">${decisions
    .slice(0, DECISIONS_SHOWN)
    .map(({ atMs, rule, explanation }) => event(atMs, rule, explanation))}</ol>`;
}

const event = (atMs: number, rule: string, explanation: string): Html =>
  html`<li><p class="rule">${moment(atMs)} ${rule}</p><p>${explanation}</p></li>`;

function salvageSection({ exports }: PageView): Html {
  const rows = exportRows(exports.value ?? []);
  if (rows.length > 1) return html`${unread("The exports", exports)}${table("exports", "Exports on this host", rows)}`;
  return exports.error === null
    ? html`<p>This host has no exports: nothing has been salvaged here.</p>`
    : html`${unread("The exports", exports)}`;
}

const unread = (what: string, { error }: LastRead<unknown>): Html | null =>
  error === null ? null : html`<p class="unread">${what} may be out of date: ${error}</p>`;
