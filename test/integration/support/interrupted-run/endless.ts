import { spawn } from "node:child_process";
import { test } from "vitest";

/** Adds its pid to the file $STARTED. Survives the signals that end a run, and the end of its parent. */
const stubborn = `trap '' INT TERM HUP; echo $BASHPID >> "$STARTED"; exec sleep 600`;

test("starts two processes, as HAProxy's master starts a worker, and does not end", async () => {
  spawn("bash", ["-c", `(${stubborn}) & ${stubborn}`], { stdio: "ignore" });
  await new Promise(() => {});
});
