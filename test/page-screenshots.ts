/**
 * `npm run screenshots`: writes docs/images, the status page in Chromium. Like the test in Chromium, it shows made-up
 * situations, so that the images change only when the page does.
 */
import path from "node:path";
import { browserRootStep, existingBrowserRoot } from "../lab/machine/debian-root.ts";
import { runSteps } from "../lab/machine/run-steps.ts";
import { servePage } from "../watchdog/page/server.ts";
import { startBrowser } from "./integration/support/browser.ts";
import { pageViews, type Situation } from "./unit/support/page-views.ts";

interface Shot {
  /** Of the file. */
  readonly name: string;
  readonly situation: Situation;
  readonly scheme: "light" | "dark";
  /** A part of the page; default: its top. */
  readonly part?: string;
}

const shots: readonly Shot[] = [
  { name: "light", situation: "promoting", scheme: "light" },
  { name: "dark", situation: "calm", scheme: "dark" },
  { name: "lag", situation: "calm", scheme: "light", part: "#replication" },
];
const size = { width: 800, height: 880 };

await runSteps([browserRootStep]);
const browser = await startBrowser((await existingBrowserRoot()) ?? "");
try {
  for (const { name, situation, scheme, part } of shots) {
    const view = pageViews[situation];
    const { version } = view;
    const server = await servePage({
      listen: "127.0.0.1:0",
      tls: null,
      authenticate: () => null,
      view: async () => view,
      version,
    });
    const page = await browser.newPage();
    await page.setViewport(size);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.goto(`http://127.0.0.1:${server.port}`);
    const file = path.join(import.meta.dirname, "..", "docs", "images", `status-page-${name}.png`);
    if (part === undefined) await page.screenshot({ path: file });
    else
      await page
        .locator(part)
        .waitHandle()
        .then((element) => element.screenshot({ path: file }));
    await page.close();
    await server.close();
    console.log(file);
  }
} finally {
  await browser.close();
}
