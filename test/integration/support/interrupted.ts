/** A program that prints when it is at work, and takes 0.3 s to clean up after an interrupt. */
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
