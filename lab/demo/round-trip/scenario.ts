import type { TwoRegions } from "../../system/two-regions.ts";
import { Ledger } from "../../traffic/ledger.ts";
import type { Traffic } from "../../traffic/traffic.ts";
import { Journals } from "../journals.ts";
import type { Report } from "../report.ts";
import { checksOnSmallMachine, type Scenario } from "../run-scenario.ts";
import { headline } from "../screen.ts";
import { replayExport, switchOverToGra, takeGraBack } from "./failback.ts";
import { cutPowerOfGra, startTraffic } from "./failover.ts";
import { roundTripReport } from "./report.ts";
import type { RoundTrip } from "./result.ts";

/** gra is lost under load and comes back, what only gra held is replayed, and a switchover makes gra active again. */
export const roundTrip: Scenario = {
  settings: { checks: checksOnSmallMachine },
  play: async (system) => {
    // A lab that is used again has the index of the run before.
    const traffic = await startTraffic(system, `app-orders-${Date.now()}`);
    const journals = new Journals(system);
    try {
      await journals.follow(await system.hosts.withWatchdog());
      return await play(system, traffic, journals);
    } finally {
      journals.stop();
      await traffic.close();
    }
  },
};

async function play(system: TwoRegions, traffic: Traffic, journals: Journals): Promise<Report> {
  const { run, missing } = await cutPowerOfGra(system, traffic);
  const back = await takeGraBack(system, journals);
  const salvaged = await replayExport(system, traffic);
  const switchover = await switchOverToGra(system, traffic);
  headline("The account");
  await traffic.stop();
  const end = await traffic.verify();
  const result: RoundTrip = {
    ...{ failover: run, back, salvaged, switchover },
    readBacks: {
      ...{ afterFailover: missing, afterReplay: salvaged.missing },
      ...{ atTheEnd: end.missing, foundAtTheEnd: end.found },
    },
    writesAcknowledged: traffic.ledger.acknowledged.size,
    turns: Ledger.turns([traffic.ledger]),
  };
  return roundTripReport(result);
}
