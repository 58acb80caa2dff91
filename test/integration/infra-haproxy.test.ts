import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { haproxyCfg, haproxyPaths } from "../../infra/haproxy/haproxy-cfg.ts";
import { createCertificateAuthority } from "../../infra/init/certificate-authority.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { testConfig, virtualAddressChanges } from "../unit/infra-fixtures.ts";
import { haproxyCommand, haproxyMissing } from "./haproxy-process.ts";

const execute = promisify(execFile);

describe.skipIf(haproxyMissing !== undefined)(`the rendered HAProxy configuration ${haproxyMissing ?? ""}`, () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp("/tmp/infra-haproxy-");
    const { certificatePem, privateKeyPem } = await createCertificateAuthority();
    await writeFile(path.join(directory, "ca.crt"), certificatePem);
    await writeFile(path.join(directory, "entry.pem"), `${certificatePem}\n${privateKeyPem}\n`);
    await writeFile(path.join(directory, "ticket.map"), "gra 1\n");
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** HAProxy's own check of a configuration, with the paths moved to the test's directory. */
  async function verdict(config: string): Promise<string> {
    const file = path.join(directory, "haproxy.cfg");
    await writeFile(
      file,
      config
        .replaceAll(haproxyPaths.ca, path.join(directory, "ca.crt"))
        .replaceAll(haproxyPaths.entryCertificate, path.join(directory, "entry.pem"))
        .replaceAll(haproxyPaths.ticketMap, path.join(directory, "ticket.map"))
        // Hosts have this group, and this machine has not.
        .replaceAll("group es-failover", "group haproxy"),
    );
    const [program, ...args] = haproxyCommand;
    const { stdout, stderr } = await execute(program, [...args, "-c", "-V", "-f", file]);
    return stdout + stderr;
  }

  const check = { user: "haproxy-check", password: "secret" };

  test.each([false, true])("is accepted by HAProxy 3.0 without a warning (metrics: %s)", async (withMetrics) => {
    const output = await verdict(haproxyCfg({ topology: planTopology(testConfig()), check, withMetrics }));
    expect(output).toContain("Configuration file is valid");
    expect(output).not.toContain("[WARNING]");
  });

  test("is accepted without a warning with what keepalived asks", async () => {
    const topology = planTopology(testConfig(virtualAddressChanges));
    const output = await verdict(haproxyCfg({ topology, check, withMetrics: false }));
    expect(output).toContain("Configuration file is valid");
    expect(output).not.toContain("[WARNING]");
  });

  test("that docs/applications.md has for application hosts is accepted without a warning", async () => {
    const text = await readFile(path.join(import.meta.dirname, "../../docs/applications.md"), "utf8");
    const [, config = ""] = /^```haproxy\n(.*?)^```$/ms.exec(text) ?? [];
    const output = await verdict(config.replaceAll("/etc/ssl/es-failover-ca.crt", haproxyPaths.ca));
    expect(output).toContain("Configuration file is valid");
    expect(output).not.toContain("[WARNING]");
  });

  test("is accepted with names of regions that have hyphens", async () => {
    const regions = {
      "eu-west": { ovhRegion: "GRA11", cidr: "192.168.1.0/24" },
      "ca-east": { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
    };
    const config = testConfig({ region: "eu-west", firstPrimary: "eu-west", regions: JSON.stringify(regions) });
    expect(await verdict(haproxyCfg({ topology: planTopology(config), check, withMetrics: false }))).toContain(
      "Configuration file is valid",
    );
  });
});
