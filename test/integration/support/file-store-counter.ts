/**
 * Increments the sequence of a store's document COUNT times, in competition with other writers, and prints how often one
 * of them was first. Arguments: directory, count.
 */
import process from "node:process";
import { createFileStore } from "../../../watchdog/adapters/file-store/store.ts";
import { stateRecord } from "./state-record.ts";

const [directory = "", count = "0"] = process.argv.slice(2);
const clock = { monotonicMs: () => performance.now() };
const store = createFileStore({ directory, clock, leaseTtlMs: 10_000, routers: [] });
let conflicts = 0;
for (let written = 0; written < Number(count); ) {
  const stored = await store.read();
  const sequence = (stored?.record.sequence ?? 0) + 1;
  const record = stateRecord(1, sequence);
  const entry = { atMs: sequence, epoch: 1, rule: "count", explanation: "", watchdog: `${process.pid}` };
  if ((await store.write(record, stored?.revision ?? null, entry)) !== "conflict") written += 1;
  else conflicts += 1;
}
process.stdout.write(`${conflicts}\n`);
