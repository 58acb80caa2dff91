import type { TwoRegions } from "../../../lab/system/two-regions.ts";

/** What the watchdog's store held right after it was killed. */
export interface Interrupted {
  readonly phase: string;
  readonly unfinishedSteps: readonly string[];
}

/** Runs on the router's host: as soon as the indices are closed, which is when least of them works, the watchdog ends. */
const killer = `
import json, subprocess, time
def record():
    with open("/var/lib/es-failover/state/record.json") as document:
        return json.load(document)["record"]
def steps(status_is_done):
    return [step["kind"] for step in record().get("plan", {}).get("steps", []) if (step["status"] == "done") == status_is_done]
deadline = time.monotonic() + 120
while "close" not in steps(True):
    if time.monotonic() > deadline: raise SystemExit("no promotion has closed its indices within 120 s")
    time.sleep(0.005)
subprocess.run(["systemctl", "kill", "--signal=KILL", "es-failover"], check=True)
print(json.dumps({"phase": record()["phase"], "unfinishedSteps": steps(False)}))`;

/** Kills the watchdog in the middle of the next promotion; systemd starts it again. */
export async function killInMidPromotion(system: TwoRegions, router: string): Promise<Interrupted> {
  const outcome = await system.lab.exec(router, ["python3", "-c", killer], { timeoutMs: 150_000 });
  if (outcome.exitCode !== 0) throw new Error(`the watchdog was not killed: ${outcome.stderr}`);
  return JSON.parse(outcome.stdout) as Interrupted;
}
