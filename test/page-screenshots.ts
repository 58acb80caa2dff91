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
  readonly situation: Situation;
  readonly scheme: "light" | "dark";
}

const shots: readonly Shot[] = [
  { situation: "promoting", scheme: "light" },
  { situation: "calm", scheme: "dark" },
];
const size = { width: 800, height: 880 };

await runSteps([browserRootStep]);
const browser = await startBrowser((await existingBrowserRoot()) ?? "");
try {
  for (const { situation, scheme } of shots) {
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
    const file = path.join(import.meta.dirname, "..", "docs", "images", `status-page-${scheme}.png`);
    await page.screenshot({ path: file });
    await page.close();
    await server.close();
    console.log(file);
  }
} finally {
  await browser.close();
}
