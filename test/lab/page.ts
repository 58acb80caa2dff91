import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Browser, Page } from "puppeteer-core";
import { expect, onTestFinished, test } from "vitest";
import { existingBrowserRoot } from "../../lab/machine/debian-root.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import { eventually, until } from "../../lab/util/until.ts";
import { PAGE_PORT } from "../../watchdog/config/page.ts";
import { startBrowser } from "../integration/support/browser.ts";
import { isolate } from "./cuts.ts";
import { acknowledged } from "./support/application.ts";
import type { BothEntries } from "./support/both-entries.ts";
import type { LabUnderTest } from "./support/lab-under-test.ts";
import { failBack } from "./support/operator.ts";

const root = await existingBrowserRoot();
const reason =
  root === undefined ? " (skipped: the root with Chromium is not built; `npm test page-browser` builds it)" : "";

/** A failover, as its headlines pass by on a page that is not loaded again. */
interface Watched {
  /** Those that were shown, in their order. */
  readonly headlines: () => Promise<readonly string[]>;
  readonly page: Page;
}

/** The status page, as people see it who reach it through a tunnel. */
export function pageTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test.skipIf(root === undefined)(
    `the status pages of both regions show a failover live: bhs's each phase, and that of gra, which is cut off, that it cannot tell${reason}`,
    { timeout: 300_000 },
    async () => {
      const { system } = lab();
      const clients = applications();
      const browser = await startBrowser(root ?? "", (argv) => system.lab.controllerCommand(argv));
      onTestFinished(() => browser.close());
      const bhs = await watch(system, browser, { host: await system.hosts.router("bhs"), localPort: PAGE_PORT });
      const gra = await watch(system, browser, { host: await system.hosts.router("gra"), localPort: PAGE_PORT + 1 });
      const isCalm = ({ page }: Watched) =>
        until("the page shows gra in service, protected", 60_000, async () =>
          /^Protected gra serves since .*; its loss is covered\./.test(await headlineOf(page)),
        );
      for (const watched of [bhs, gra]) await isCalm(watched);

      await isolate(system, "gra");
      const shows = (watched: Watched, headline: RegExp) =>
        until(`the page shows ${headline}`, 120_000, async () =>
          (await watched.headlines()).some((one) => headline.test(one)),
        );
      await shows(bhs, /^Failover under way No region serves since .*: failover from gra to bhs/);
      await shows(bhs, / bhs serves since .* NOT covered\./);
      await shows(gra, /^Unknown As far as this watchdog knows, gra serves/);
      await acknowledged(clients.bhs, 20);
      expect(await bhs.page.$eval("#readiness", ({ textContent }) => textContent)).toMatch(
        /last failover\s*gra to bhs at /,
      );

      await system.lab.wan.heal();
      await clients.served();
      await failBack(system);
      for (const watched of [bhs, gra]) {
        await isCalm(watched);
        const { page } = watched;
        // A page that was loaded again would have lost it.
        expect(await page.evaluate("typeof headlines")).toBe("object");
        expect(await page.$eval("body", ({ classList }) => classList.contains("stale"))).toBe(false);
      }
      await clients.served();
    },
  );
}

const headlineOf = (page: Page): Promise<string> =>
  page.$eval("#headline", ({ textContent }) => textContent?.replaceAll(/\s+/g, " ").trim() ?? "");

/** Opens a watchdog's page through a tunnel by SSH, and notes what it shows. */
async function watch(
  system: TwoRegions,
  browser: Browser,
  { host, localPort }: { readonly host: string; readonly localPort: number },
): Promise<Watched> {
  const forward = `127.0.0.1:${localPort}:127.0.0.1:${PAGE_PORT}`;
  const [command = "", ...args] = await system.lab.sshCommand(host, [], { forward });
  const tunnel = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(tunnel, "exit");
  onTestFinished(async () => {
    tunnel.kill();
    await ended;
  });
  const page = await browser.newPage();
  await eventually(`${host} serves its page`, 30_000, async () => {
    const answer = await page.goto(`http://localhost:${localPort}`);
    return answer?.status() === 200;
  });
  await page.evaluate(`
    globalThis.headlines = [];
    const note = () => {
      const text = document.getElementById("headline").textContent.replaceAll(/\\s+/g, " ").trim();
      if (headlines.at(-1) !== text) headlines.push(text);
    };
    note();
    new MutationObserver(note).observe(document.getElementById("headline"), { childList: true, subtree: true });
  `);
  return {
    page,
    headlines: () => page.evaluate("headlines").then((all) => (Array.isArray(all) ? all.map(String) : [])),
  };
}
