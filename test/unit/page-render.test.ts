import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StatusAnswer } from "../../watchdog/controller/control-api/api.ts";
import { render, renderDocument } from "../../watchdog/page/document.ts";
import { headlineOf } from "../../watchdog/page/headline.ts";
import { html } from "../../watchdog/page/html.ts";
import { lagGraph } from "../../watchdog/page/lag-graph.ts";
import { LagSamples } from "../../watchdog/page/lag-samples.ts";
import { afterFailover, closing, health, NOW_MS, promotedUpTo, serving } from "./core-fixtures.ts";
import { pageViews } from "./support/page-views.ts";

const views = Object.entries(pageViews);

/** The text that a reader sees. */
const textOf = (markup: string): string =>
  markup
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&#39;", "'")
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")
    .replaceAll(/\s+/g, " ")
    .trim();

const tagsOf = (markup: string): readonly string[] => markup.match(/<[^>]*>/g) ?? [];

describe("a template", () => {
  test("shows what is put in as text, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { text: markup } = html`<p title="${text}">${text}</p>`;
        expect(tagsOf(markup.replace(/ title="[^"]*"/, ""))).toEqual(["<p>", "</p>"]);
        expect(markup).not.toMatch(/<p title="[^"]*"[^>]/);
      }),
    );
  });

  test("escapes once, also in lists and in templates within templates", () => {
    const inner = html`<b>${"<&>"}</b>`;
    expect(html`<p>${[inner, "'\""]}${null}${7}</p>`.text).toBe("<p><b>&lt;&amp;&gt;</b>&#39;&quot;7</p>");
  });
});

/** Replaces every text that a view has, at whatever depth. */
function mapTexts<T>(value: T, change: (text: string, key: string) => string, key?: string): T;
function mapTexts(value: unknown, change: (text: string, key: string) => string, key = ""): unknown {
  if (typeof value === "string") return change(value, key);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, mapTexts(one, change, name)]));
}

/** Texts by which the program decides, and of which an outsider sets none. */
const closedSets = ["phase", "change", "status", "state", "role", "standby"];

describe("the page", () => {
  test.each(views)(
    "has the same elements whatever the cluster, the store and the operators write: %s",
    (_name, view) => {
      const hostile = `"><script>alert(1)</script><img src=x onerror='a'>&`;
      const written = mapTexts(view, (text, key) => (closedSets.includes(key) ? text : `${text}${hostile}`));
      const markup = renderDocument(written);
      const names = (of: string) => tagsOf(of).map((tag) => tag.split(/[\s>]/)[0]);
      expect(names(markup)).toEqual(names(renderDocument(view)));
      expect(markup).not.toContain("<img");
      expect(textOf(markup)).toContain(hostile);
    },
  );

  test.each(views)("has its facts without JavaScript, each part below a heading: %s", (_name, view) => {
    const markup = renderDocument(view);
    const text = textOf(markup);
    const { label, sentence, reasons } = headlineOf(view.status);
    for (const fact of [
      label,
      sentence,
      ...reasons,
      view.status.name,
      view.status.summary,
      "As of 2030-01-01 12:00:00",
    ]) {
      expect(text).toContain(fact.replaceAll(/\s+/g, " "));
    }
    const headings = [...markup.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    expect(headings[0]).toBe(1);
    headings.slice(1).forEach((level, at) => {
      expect(level).toBeGreaterThan(1);
      expect(level).toBeLessThanOrEqual((headings[at] ?? 1) + 1);
    });
    for (const tag of tagsOf(markup).filter((one) => one.startsWith("<th"))) {
      if (!tag.startsWith("<thead")) expect(tag).toMatch(/scope="(col|row)"/);
    }
  });

  test.each(views)("has neither inline script nor style, and loads from its own server alone: %s", (_name, view) => {
    const markup = renderDocument(view);
    expect(markup).not.toMatch(/ style=| on[a-z]+=|<style|javascript:/);
    expect(markup.match(/<script[^>]*>[^<]*/g)).toEqual(['<script src="/page.js" defer>']);
    for (const [, target = ""] of markup.matchAll(/(?:src|href)="([^"]*)"/g)) expect(target).toMatch(/^[/#]/);
  });

  test("has each id once", () => {
    for (const [, view] of views) {
      const ids = [...renderDocument(view).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  test("shows each step of a change with its state in words, and what was exported", () => {
    const { change = "" } = render(pageViews.promoting).sections;
    expect(textOf(change)).toMatch(/✓ unfollow done in .* ▶ open running .* ○ verify pending/);
    expect(textOf(render(pageViews.afterwards).sections["salvage"] ?? "")).toMatch(/3-gra exported .* 412 /);
  });

  test("shows each watchdog with its router's lease, and this router's tickets with their time left", () => {
    const routers = textOf(render(pageViews.calm).sections["routers"] ?? "");
    expect(routers).toMatch(/gra-haproxy-2 gra .* epoch 1 witness-1 witness .* no router/);
    expect(routers).toContain("ticket gra: 5.0 s left");
  });

  test("shows what it last knew of the history when the store does not answer, and says so", () => {
    const { history = "" } = render({
      ...pageViews.calm,
      history: { ...pageViews.calm.history, error: "etcd is gone" },
    }).sections;
    expect(textOf(history)).toMatch(/may be out of date: etcd is gone.*standby-in-sync/);
  });
});

describe("the headline", () => {
  const of = (changes: Partial<StatusAnswer>) => headlineOf({ ...pageViews.calm.status, ...changes });

  test.each([
    ["serving in sync", {}, "good", /^gra serves since 2030-01-01 11:00:00 UTC; its loss is covered\.$/],
    ["serving unprotected", pageViews.unprotected.status, "bad", /^gra serves .*; its loss is NOT covered\.$/],
    [
      "closing",
      { record: closing() },
      "change",
      /^No region serves since .*: failover from gra to bhs, the routers to gra/,
    ],
    ["promoting", { record: promotedUpTo("open") }, "change", /^No region serves .*, bhs is being promoted\.$/],
    ["a switchover", { record: closing({ change: "switchover" }) }, "change", /: switchover from gra to bhs/],
    ["after a failover", { record: afterFailover(), readiness: null }, "bad", /^bhs serves since .* NOT covered\.$/],
    ["no record", { record: null }, "unknown", /^No region is known to serve/],
  ] as const)("is one sentence: %s", (_what, changes, tone, sentence) => {
    const headline = of(changes);
    expect(headline).toMatchObject({ tone, sentence: expect.stringMatching(sentence) });
    expect(headline.reasons.length).toBeGreaterThan(0);
  });

  const elsewhere = { readiness: null, leadership: { leading: false, leader: "gra-haproxy-1", error: null } } as const;

  test.each([
    ["the standby is not in sync", { record: serving({ standby: "following" }) }, /bhs is following, not in sync/],
    [
      "failover is paused",
      { record: serving({ paused: { sinceMs: 0, by: "ana", reason: "upgrade" } }) },
      /paused by ana/,
    ],
    ["the block period lasts", { record: serving({ blockedUntilMs: NOW_MS + 1 }) }, /no automatic failover before/],
    [
      "there is no controller",
      { leadership: { leading: false, leader: null, error: "no answer" } },
      /no controller: no/,
    ],
  ] as const)("is bad on a watchdog that is not the controller when %s", (_what, changes, reason) => {
    expect(of({ ...elsewhere, ...changes })).toMatchObject({ tone: "bad", reasons: [expect.stringMatching(reason)] });
  });

  test("claims nothing about now when the store does not answer, and shows what the router beside it does", () => {
    const store = { reachable: false, error: "etcd is gone" };
    const { tone, sentence, reasons } = of({ ...elsewhere, store });
    expect([tone, sentence]).toEqual([
      "unknown",
      expect.stringMatching(/^As far as this watchdog knows, gra serves since/),
    ]);
    expect(reasons).toEqual([expect.stringMatching(/etcd is gone/), "the router beside it: routes to gra (epoch 1)"]);
    expect(render({ ...pageViews.calm, status: { ...pageViews.calm.status, ...elsewhere, store } }).title).toBe(
      "Unknown (bhs-haproxy-1)",
    );
  });

  test("is bad when the region that serves is unhealthy, though its loss is covered", () => {
    const [gra, ...others] = pageViews.calm.status.regions;
    if (gra === undefined) throw new Error("the status has no region");
    const { tone, label, sentence } = of({ regions: [{ ...gra, health: health("unhealthy") }, ...others] });
    expect([tone, label]).toEqual(["bad", "gra is unhealthy"]);
    expect(sentence).toContain("this watchdog finds it unhealthy");
  });
});

describe("the lag graph", () => {
  const sample = fc.record({
    atMs: fc.integer({ min: NOW_MS, max: NOW_MS + 3_600_000 }),
    operations: fc.option(fc.nat(1_000_000)),
  });

  test("draws within its bounds, and interrupts the line where the lag was not known", () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 50 }), fc.nat(2_000_000), (samples, limit) => {
        const ordered = samples.toSorted((a, b) => a.atMs - b.atMs);
        const markup = lagGraph(ordered, limit).text;
        const path = / d="([^"]*)"/.exec(markup)?.[1] ?? "";
        for (const [, x, y] of path.matchAll(/[ML](\S+) ([\d.]+)/g)) {
          expect(Number(x)).toBeLessThanOrEqual(600);
          expect(Number(y)).toBeLessThanOrEqual(100);
        }
        const runs = ordered.filter(({ operations }, at) => operations !== null && ordered[at - 1]?.operations == null);
        expect(path.match(/M/g) ?? []).toHaveLength(runs.length);
        expect(markup).not.toMatch(/NaN|Infinity/);
      }),
    );
  });

  test("tells the same in a sentence and in a table of at most 12 rows", () => {
    const markup = textOf(lagGraph(pageViews.calm.lag, 10_000).text);
    expect(markup).toContain("now 64, at most 670, unknown in 17 of 360 samples.");
    expect(lagGraph(pageViews.calm.lag, 10_000).text.match(/<th scope="row">/g)).toHaveLength(12);
  });

  test("keeps an hour of samples", () => {
    const samples = new LagSamples();
    for (let at = 0; at < 500; at += 1) samples.add({ atMs: at, operations: at });
    expect([samples.all.length, samples.all.at(-1)?.atMs]).toEqual([360, 499]);
  });
});
