/** Writes a document to a small file system, fills it, and tries to write the next one. Argument: its directory. */
import { writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { createFileStore } from "../../../watchdog/adapters/file-store/store.ts";
import { stateRecord } from "./state-record.ts";

const directory = process.argv[2] ?? "";
const clock = { monotonicMs: () => performance.now() };
const store = createFileStore({ directory, clock, leaseTtlMs: 10_000, routers: [] });
const entry = { atMs: 1, epoch: 1, rule: "fill", explanation: "", watchdog: "w1" };
await store.write(stateRecord(1, 1), null, entry);
const revision = (await store.read())?.revision ?? null;
try {
  writeFileSync(path.join(directory, "filler"), Buffer.alloc(1024 * 1024));
} catch {
  // Until the disk is full.
}
const message = await store.write(stateRecord(1, 2), revision, entry).catch((error: Error) => error.message);
const sequence = (await store.read())?.record.sequence;
const leftOver = (await readdir(directory)).filter((name) => name.endsWith(".tmp"));
process.stdout.write(JSON.stringify({ message, sequence, leftOver }));
