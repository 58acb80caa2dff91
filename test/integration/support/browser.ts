import puppeteer, { type Browser } from "puppeteer-core";
import { toolsCommand } from "../../../lab/machine/tools-command.ts";

/**
 * Starts Chromium of the browser root. It runs as root, for which it has no sandbox; it opens the pages of the tests alone.
 *
 * @param within the argv that runs a program in another network; default: this machine's
 */
export function startBrowser(
  root: string,
  within: (argv: readonly string[]) => readonly string[] = (argv) => argv,
): Promise<Browser> {
  const flags = ["--no-sandbox", "--user-data-dir=/tmp/profile", "--remote-debugging-pipe", "--hide-scrollbars"];
  const [command, ...args] = within(toolsCommand(root, ["chromium-headless-shell", ...flags]));
  return puppeteer.launch({
    executablePath: `/usr/bin/${command}`,
    args,
    // Puppeteer's own would come behind the program's, as arguments of the command that starts it.
    ignoreDefaultArgs: true,
    pipe: true,
    waitForInitialPage: false,
  });
}
