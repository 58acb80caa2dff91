/** A program that says when it is at work, and takes a moment to clean up when it is interrupted. */
import { setTimeout as sleep } from "node:timers/promises";
import { interruption } from "../../../lab/system/interruption.ts";

const aLongTime = setTimeout(() => {}, 60_000);
try {
  const untilInterrupted = interruption();
  console.log("at work");
  await untilInterrupted;
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  await sleep(300);
  console.log("removed");
} finally {
  clearTimeout(aLongTime);
}
