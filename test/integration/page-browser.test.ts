import axe from "axe-core";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { existingBrowserRoot } from "../../lab/machine/debian-root.ts";
import { until } from "../../lab/util/until.ts";
import type { Secrets } from "../../watchdog/config/files.ts";
import { byPassword, byProxy } from "../../watchdog/page/authentication.ts";
import { type PageServer, servePage } from "../../watchdog/page/server.ts";
import type { PageView } from "../../watchdog/page/view.ts";
import { LiveCell } from "../../watchdog/util/live.ts";
import { pageViews } from "../unit/support/page-views.ts";
import { startBrowser } from "./support/browser.ts";

/**
 * The status page in the real Chromium. The server is the watchdog's own; the status is made up, because every situation is
 * to be shown, also those that a running system passes through in milliseconds.
 */

const root = await existingBrowserRoot();
const reason = root === undefined ? " (skipped: the root with Chromium is not built)" : "";

/** Those that have every element of the page among them. */
const situations = ["calm", "promoting", "afterwards", "storeLost", "everything", "blind"] as const;
const looks = (["light", "dark"] as const).flatMap((scheme) => [1_280, 320].map((width) => ({ scheme, width })));

describe.skipIf(root === undefined)(`the status page in Chromium${reason}`, () => {
  let browser: Browser;
  let server: PageServer;
  let shown: PageView;
  let page: Page;
  /** Messages on the console, errors of the script, and requests to other servers. */
  let complaints: string[];

  beforeAll(async () => {
    browser = await startBrowser(root ?? "");
  });
  afterAll(() => browser?.close());

  async function serve(port = 0, parts: Partial<Parameters<typeof servePage>[0]> = {}): Promise<string> {
    server = await servePage({
      listen: `127.0.0.1:${port}`,
      tls: null,
      authenticate: byProxy([]),
      view: async () => shown,
      version: "1.2.3",
      limits: { intervalMs: 100 },
      ...parts,
    });
    return `http://127.0.0.1:${server.port}`;
  }

  let url: string;
  beforeEach(async () => {
    shown = pageViews.calm;
    url = await serve();
    page = await browser.newPage();
    complaints = [];
    page.on("console", (message) => complaints.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(`error: ${String(error)}`));
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== url) complaints.push(`request: ${request.url()}`);
    });
  });
  afterEach(async () => {
    await page.close();
    await server.close();
  });

  const textOf = (selector: string) =>
    page.$eval(selector, (element) => element.textContent?.replaceAll(/\s+/g, " ") ?? "");
  const bodyHas = (name: string) => page.$eval("body", (body, of) => body.classList.contains(of), name);

  test.each(looks)("is accessible and fits, $scheme and $width pixels wide", async ({ scheme, width }) => {
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const situation of situations) {
      shown = pageViews[situation];
      await page.goto(url);
      await page.evaluate(axe.source);
      const findings = await page.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))",
      );
      expect(findings, situation).toEqual([]);
      const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect(overflow, situation).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
  });

  test("is accessible while it shows that the connection is lost, in both colour schemes", async () => {
    await page.goto(url);
    await server.close();
    await until("the page is stale", 20_000, () => bodyHas("stale"));
    for (const value of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
      await page.evaluate(axe.source);
      expect(await page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))")).toEqual([]);
    }
  });

  test("follows a failover without being loaded again, and announces the headline alone", async () => {
    await page.goto(url);
    expect(await textOf("#headline")).toContain("gra serves since");
    for (const [situation, headline] of [
      ["closing", "the routers to gra are closing"],
      ["promoting", "bhs is being promoted"],
      ["afterwards", "bhs serves since"],
    ] as const) {
      shown = pageViews[situation];
      await until(`the headline has: ${headline}`, 20_000, async () => (await textOf("#headline")).includes(headline));
    }
    expect(await page.title()).toBe("Not protected: bhs serves (bhs-haproxy-1)");
    const announced = await page.$$eval("[aria-live]", (elements) => elements.map(({ textContent }) => textContent));
    expect(announced).toHaveLength(1);
    expect(announced[0]).not.toMatch(/As of|ms ago/);
    expect(complaints).toEqual([]);
  });

  test("shows visibly that it is stale when the server ends, and recovers when it is back", async () => {
    await page.goto(url);
    // The first event has come, so that the page is connected.
    shown = pageViews.unprotected;
    await until("the page is live", 20_000, async () => (await textOf("#headline")).includes("NOT covered"));
    const { port } = server;
    await server.close();
    await until("the page is stale", 20_000, () => bodyHas("stale"));
    expect(await textOf("#connection")).toMatch(
      /^Connection lost: everything below is as of \d\d:\d\d:\d\d UTC or older\.$/,
    );
    expect(await page.$eval("#connection", (element) => element.checkVisibility())).toBe(true);
    expect(await textOf("#age")).toMatch(/^The last message from the watchdog came \d+ s ago\.$/);
    shown = pageViews.calm;
    await serve(port);
    await until("the page is live again", 30_000, async () => !(await bodyHas("stale")));
    expect(await textOf("#headline")).toContain("its loss is covered");
    expect([await textOf("#connection"), await textOf("#age")]).toEqual(["", ""]);
  });

  test("shows the essential facts without JavaScript, and is then loaded again by itself", async () => {
    await page.setJavaScriptEnabled(false);
    await page.goto(url);
    const text = await textOf("body");
    for (const fact of [
      "gra serves since 2030-01-01 11:00:00 UTC",
      "As of 2030-01-01 12:00:00",
      "routes to gra",
      "bhs is in sync",
      "Not live: what you see is as of the time below.",
    ]) {
      expect(text).toContain(fact);
    }
    expect(await page.$$eval("noscript meta", (elements) => elements.length)).toBe(1);
  });

  test("is reached with the keyboard in its order, and keeps the focus while it changes", async () => {
    shown = pageViews.promoting;
    await page.setViewport({ width: 320, height: 900 });
    await page.goto(url);
    // A table within details that are closed is not reached.
    const focusable = await page.$$eval(
      "a[href], summary, [tabindex='0']",
      (elements) =>
        elements.filter((element) => element.closest("details:not([open]) > :not(summary)") === null).length,
    );
    const reached: string[] = [];
    for (let at = 0; at < focusable; at += 1) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate("document.activeElement.outerHTML.slice(0, 80)").then(String));
      expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).not.toBe("none");
    }
    expect(new Set(reached).size).toBe(focusable);
    expect(reached[0]).toContain("Skip to the status");
    await page.focus("#watchdogs-table");
    await page.$eval("#lag-details", (element) => element.setAttribute("open", ""));
    shown = pageViews.closing;
    await until("the change is shown", 20_000, async () => (await textOf("#headline")).includes("routers"));
    shown = {
      ...pageViews.calm,
      lag: [...pageViews.calm.lag, { atMs: Date.UTC(2030, 0, 1, 12, 1), operations: 9_999 }],
    };
    await until("the graph is another one", 20_000, async () => (await textOf("#replication")).includes("9999"));
    expect(await page.evaluate("document.activeElement.id")).toBe("watchdogs-table");
    expect(await page.$eval("#lag-details", (element) => element.hasAttribute("open"))).toBe(true);
  });

  test("stops all animation and scales to 200 % without a horizontal scroll bar", async () => {
    // A page at 200 % has half the width.
    await page.setViewport({ width: 640, height: 450, deviceScaleFactor: 2 });
    await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
    shown = pageViews.everything;
    await page.goto(url);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    expect(await page.evaluate("document.getAnimations().length")).toBe(0);
  });

  test("is loaded again when the watchdog has another version, whose script may differ", async () => {
    await page.goto(url);
    const { port } = server;
    await server.close();
    const loaded = page.waitForNavigation();
    await serve(port, { view: async () => ({ ...pageViews.calm, version: "1.2.4" }), version: "1.2.4" });
    await loaded;
    expect(await page.$eval("body", ({ dataset }) => dataset["version"])).toBe("1.2.4");
  });

  test("is live behind a password too: the browser sends it for the script, the stylesheet and the events", async () => {
    await server.close();
    const passwords = new LiveCell<Secrets>(["correct horse"]);
    const authenticate = byPassword("operator", passwords, { monotonicMs: () => performance.now() });
    url = await serve(0, { authenticate });
    await page.authenticate({ username: "operator", password: "correct horse" });
    await page.goto(url);
    shown = pageViews.promoting;
    await until("the change is shown", 20_000, async () => (await textOf("#headline")).includes("is being promoted"));
    expect(complaints).toEqual([]);
  });
});
