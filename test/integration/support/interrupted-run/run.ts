/** A test run as `npm test` makes it, of one test that starts processes and does not end. */
import { Commands } from "../../../runner/commands.ts";

const commands = new Commands(import.meta.dirname);
process.exitCode = await commands.run(["vitest", "run"], { shared: true }).catch(() => 1);
