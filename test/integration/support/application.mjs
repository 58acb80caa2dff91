/**
 * A program with an endpoint file, as small as can be. Arguments: what it does on SIGHUP ("reads", or "nothing",
 * which lets the signal end it), its endpoint file, its PID file, and a file for a line per signal.
 */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";

const [, , onSighup, endpointFile, pidFile, journal] = process.argv;
if (onSighup === "reads") {
  process.on("SIGHUP", () =>
    appendFileSync(journal, `${/Epoch = (\d+)/.exec(readFileSync(endpointFile, "utf8"))?.[1]}\n`),
  );
}
// Node calls its main thread so that programs cannot be told apart by it.
process.title = "orders";
setInterval(() => {}, 1_000);
writeFileSync(pidFile, `${process.pid}\n`);
