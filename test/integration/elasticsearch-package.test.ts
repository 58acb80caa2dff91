import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AptRepository, labAptRepository } from "../../lab/elasticsearch/package/repository.ts";
import { elasticsearchVersion } from "../../lab/elasticsearch/version.ts";
import { run } from "../../lab/util/run.ts";

/** The package and the repository as hosts get them. The lab's tests show that apt installs them. */

let repository: AptRepository;
let scratch: string;
let unpacked: string;

beforeAll(async () => {
  repository = await labAptRepository();
  scratch = await mkdtemp(path.join(tmpdir(), "es-failover-package-"));
  unpacked = path.join(scratch, "root");
  await run("dpkg-deb", ["--extract", path.join(repository.directory, await poolFile()), unpacked]);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

const release = () => path.join(repository.directory, "dists", repository.suite, "InRelease");

async function packages(): Promise<string> {
  const architecture = (await run("dpkg", ["--print-architecture"])).trim();
  const file = `dists/${repository.suite}/${repository.component}/binary-${architecture}/Packages`;
  return readFile(path.join(repository.directory, file), "utf8");
}

async function poolFile(): Promise<string> {
  return /^Filename: (.*)$/m.exec(await packages())?.[1] ?? "";
}

const sha256 = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");

describe("the lab's apt repository", () => {
  test("is signed with SHA-512 by the key that it offers", async () => {
    const keyring = path.join(scratch, "lab.gpg");
    const armoured = await readFile(repository.signingKeyPath, "utf8");
    const body = armoured.slice(armoured.indexOf("\n\n") + 2).replace(/\n=[\s\S]*/, "");
    await writeFile(keyring, Buffer.from(body, "base64"));
    const status = await run("gpgv", ["--status-fd", "1", "--keyring", keyring, release()]);
    // Public key algorithm 22 is EdDSA, digest 10 is SHA-512.
    expect(status).toMatch(new RegExp(`VALIDSIG ${repository.signingKeyFingerprint} .* 22 10 `));
  });

  test("has checksums from the signature down to the package", async () => {
    const index = await packages();
    expect(await readFile(release(), "utf8")).toContain(` ${sha256(index)} `);
    const content = await readFile(path.join(repository.directory, await poolFile()));
    expect(index).toContain(`SHA256: ${sha256(content)}`);
    expect(index).toContain(`Version: ${elasticsearchVersion}\n`);
  });
});

describe("the package", () => {
  test("names its release, and has a class-data archive that works in any directory", async () => {
    const env = { ...process.env, ES_JAVA_OPTS: "-Xshare:on" };
    const version = await run(path.join(unpacked, "usr/share/elasticsearch/bin/elasticsearch"), ["--version"], {
      env,
    });
    expect(version).toMatch(new RegExp(`^Version: ${elasticsearchVersion}, Build: deb/[0-9a-f]{40}/`));
  });

  test("reads JVM options from jvm.options.d: the last one wins, those for other Java versions are left out", async () => {
    const configuration = path.join(scratch, "jvm");
    await mkdir(path.join(configuration, "jvm.options.d"), { recursive: true });
    await writeFile(path.join(configuration, "jvm.options"), "# a comment\n-XX:+PrintCommandLineFlags\n8:-Xmx100m\n");
    const heap = async () => {
      const env = { ...process.env, ES_PATH_CONF: configuration };
      const output = await run(path.join(unpacked, "usr/share/elasticsearch/bin/elasticsearch"), ["-V"], {
        env,
      });
      return Number(/-XX:MaxHeapSize=(\d+)/.exec(output)?.[1]) / 1024 ** 2;
    };
    expect(await heap()).toBe(256);
    await writeFile(path.join(configuration, "jvm.options.d/heap.options"), "-Xms300m\n-Xmx300m\n21-:-Xmx320m\n");
    await writeFile(path.join(configuration, "jvm.options.d/unread.txt"), "-Xmx999m\n");
    expect(await heap()).toBe(320);
  });
});

describe("elasticsearch-keystore", () => {
  async function keystore(
    configuration: string,
    args: readonly string[],
    input = "",
  ): Promise<{ readonly output: string; readonly failed: boolean }> {
    const env = { ...process.env, ES_PATH_CONF: configuration };
    const program = path.join(unpacked, "usr/share/elasticsearch/bin/elasticsearch-keystore");
    return run(program, args, { env, input }).then(
      (output) => ({ output, failed: false }),
      (error: Error) => ({ output: error.message, failed: true }),
    );
  }

  test("creates a keystore, and overwrites one only when told to", async () => {
    const configuration = path.join(scratch, "create");
    await mkdir(configuration);
    expect((await keystore(configuration, ["create"])).output).toContain("Created elasticsearch keystore in");
    await keystore(configuration, ["add", "-x", "bootstrap.password"], "secret\n");
    expect((await keystore(configuration, ["create"], "n\n")).output).toContain("Exiting without creating keystore.");
    expect((await keystore(configuration, ["list"])).output).toBe("bootstrap.password\nkeystore.seed\n");
    await keystore(configuration, ["create"], "y\n");
    expect((await keystore(configuration, ["list"])).output).toBe("keystore.seed\n");
  });

  test("adds from standard input, replaces only when forced or told to, and removes", async () => {
    const configuration = path.join(scratch, "add");
    await mkdir(configuration);
    const show = async () => (await keystore(configuration, ["show", "a.setting"])).output;
    await keystore(configuration, ["add", "-f", "-x", "a.setting", "other.setting"], "first\nother\n");
    expect(await show()).toBe("first\n");
    await keystore(configuration, ["add", "--stdin", "a.setting"], "n\n");
    expect(await show()).toBe("first\n");
    await keystore(configuration, ["add", "-xf", "a.setting"], "second\n");
    expect(await show()).toBe("second\n");
    await keystore(configuration, ["remove", "a.setting"]);
    expect((await keystore(configuration, ["list"])).output).toBe("keystore.seed\nother.setting\n");
    const missing = await keystore(configuration, ["remove", "a.setting"]);
    expect([missing.failed, missing.output]).toEqual([true, expect.stringContaining("does not exist in the keystore")]);
  });

  test("fails with the reason when there is no password or no keystore", async () => {
    const configuration = path.join(scratch, "none");
    await mkdir(configuration);
    const missing = await keystore(configuration, ["list"]);
    expect([missing.failed, missing.output]).toEqual([
      true,
      expect.stringContaining("Use 'create' command to create one"),
    ]);
    await keystore(configuration, ["create"]);
    expect((await keystore(configuration, ["has-passwd"])).failed).toBe(true);
  });
});
