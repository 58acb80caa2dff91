import { expect, test } from "vitest";
import { applicationsSection } from "../../watchdog/cli/output/applications.ts";

const instance = (name: string, epoch: number, confirmed: boolean) => ({
  ...{ application: "orders", instance: name, epoch, confirmed, problem: null },
  ...{ atMs: 0, sinceMs: 0, behind: epoch < 3 },
});

test("status tells applications that use the epoch from those that were only notified of it", () => {
  const instances = [instance("a", 3, true), instance("b", 3, false), instance("c", 2, false)];
  expect(applicationsSection({ epoch: 3, instances }, 12_000)).toMatchInlineSnapshot(`
    "Applications
      orders  2 of 3 instances at epoch 3, 1 of them notified of it without confirming its use

    On an old epoch, or failing to switch
      orders c  epoch 2  has not switched yet  reported 12 s ago"
  `);
});
