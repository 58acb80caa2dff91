import { expect, test, vi } from "vitest";
import type { Addresses } from "../../../watchdog/config/address.ts";
import type { RoutingState } from "../../../watchdog/core/endpoint-state.ts";
import { runHistory } from "../histories/history.ts";
import { threeSites } from "../world/layout.ts";

/** An endpoint service that answers by the record alone, as if its router always held a ticket. */
vi.mock("../../../watchdog/core/endpoint-state.ts", async (original) => {
  const real = await original<typeof import("../../../watchdog/core/endpoint-state.ts")>();
  const trusting = ({ record, nowMs }: RoutingState, addresses: Addresses) => {
    const ticket =
      record?.phase === "serving" ? { region: record.active, epoch: record.epoch, validUntilMs: nowMs + 1 } : null;
    return real.endpointState({ record, ticket, nowMs }, addresses);
  };
  return { ...real, endpointState: trusting };
});

test("the simulator notices an endpoint service that names a region without a ticket", async () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const { violation } = await runHistory({ layout: threeSites, seed });
    if (violation === null) continue;
    expect(violation).toMatch(/^1: applications are sent to/);
    return;
  }
  expect.fail("none of 100 histories shows an application that is sent to a replaced region");
});
