import type { TwoRegions } from "../../system/two-regions.ts";
import { buildDemoProgram } from "./demo-program.ts";

/** User of the programs, and prefix of their units. */
const user = "ways";
export const home = "/srv/ways";
export const demoProgram = `${home}/escluster-demo`;
export const caFile = `${home}/ca.crt`;

/** Package installation takes longest; a healthy run needs far less. */
const COMMAND_TIMEOUT_MS = 300_000;

/**
 * The host of the programs: the HAProxy host of bhs. Only HAProxy hosts may reach Elasticsearch's port, which two of the
 * three modes need, and this one outlives the loss of gra.
 */
export class ApplicationHost {
  readonly name: string;
  readonly #system: TwoRegions;

  private constructor(name: string, system: TwoRegions) {
    this.name = name;
    this.#system = system;
  }

  /** Installs the program and the CA certificate; removes what an earlier run left. */
  static async prepare(system: TwoRegions): Promise<ApplicationHost> {
    const host = new ApplicationHost(await system.hosts.router("bhs"), system);
    const script = [
      "set -eu",
      "dpkg-query --show libcurl4t64 >/dev/null || apt-get --quiet --yes install libcurl4t64 </dev/null",
      `id ${user} >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin ${user}`,
      `rm -rf ${home}`,
      `install -d -m 0700 -o ${user} -g ${user} ${home}`,
      `install -m 0644 /etc/es-failover/ca.crt ${caFile}`,
      `base64 --decode >${demoProgram}`,
      `chmod 0755 ${demoProgram}`,
    ].join("\n");
    await host.stopAll();
    await host.run(["sh", "-c", script], (await buildDemoProgram()).toString("base64"));
    return host;
  }

  /** Runs a command as root. @throws Error when it exits non-zero */
  async run(argv: readonly string[], input = ""): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#system.lab.exec(this.name, argv, {
      input,
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
    if (exitCode !== 0) throw new Error(`${this.name}: ${argv.join(" ")} ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Writes a file of the programs' user, atomically. */
  async write(name: string, text: string, mode = "0644"): Promise<void> {
    const script = 'umask 077; cat >"$1.new" && chown "$2:" "$1.new" && chmod "$3" "$1.new" && mv "$1.new" "$1"';
    await this.run(["sh", "-c", script, "write", `${home}/${name}`, user, mode], text);
  }

  /** Starts a program in the background as the programs' user; its standard error goes to `<name>.log`. */
  async start(name: string, argv: readonly string[]): Promise<void> {
    const log = `append:${home}/${name}.log`;
    const settings = [`--unit=${user}-${name}`, `--uid=${user}`, `--property=StandardError=${log}`];
    await this.run(["systemd-run", "--quiet", "--collect", ...settings, ...argv]);
  }

  async privateIp(): Promise<string> {
    const address = (await this.#system.lab.host(this.name))?.privateIp;
    if (address === undefined) throw new Error(`${this.name} has no private address`);
    return address;
  }

  async pidOf(name: string): Promise<string> {
    return this.run(["systemctl", "show", "--property=MainPID", "--value", `${user}-${name}`]);
  }

  async stop(name: string): Promise<void> {
    await this.run(["systemctl", "stop", `${user}-${name}`]);
  }

  async stopAll(): Promise<void> {
    await this.stop("*.service");
  }
}
