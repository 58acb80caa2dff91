import { parseArgs } from "node:util";
import { runHistory } from "./histories/history.ts";
import { layouts } from "./world/layout.ts";

/** Shows one history again: node test/simulation/replay.ts "three sites" 17 [--faults "gra is lost,etcd flaps"] */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { faults: { type: "string" } } });
const [name, seed] = positionals;
const layout = layouts.find((one) => one.name === name);
if (layout === undefined || !Number.isSafeInteger(Number(seed))) {
  console.error(
    `usage: node test/simulation/replay.ts "${layouts.map((one) => one.name).join('" | "')}" SEED [--faults "NAME,..."]`,
  );
  process.exit(2);
}
const { log, violation } = await runHistory({ layout, seed: Number(seed), faults: values.faults?.split(",") });
console.log(log.join("\n"));
console.log(violation === null ? "every invariant held" : `broke invariant ${violation}`);
process.exitCode = violation === null ? 0 : 1;
