import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { existingToolsRoot } from "../../lab/machine/debian-root.ts";
import { toolsCommand } from "../../lab/machine/tools-command.ts";
import { nodeFor, ownArchitecture } from "../../packages/content.ts";
import { buildDeb } from "../../packages/deb.ts";
import { buildImage } from "../../packages/image.ts";
import { buildNpmPackage } from "../../packages/npm-package.ts";
import { billOfMaterials, nodeComponent } from "../../packages/sbom.ts";
import { bundleRelease, type Release } from "../../watchdog/bundle.ts";

const run = promisify(execFile);
const toolsRoot = await existingToolsRoot();
const missing =
  process.getuid?.() !== 0 || toolsRoot === undefined || ownArchitecture === undefined
    ? " (skipped: needs root, and a Debian that npm test sets up)"
    : "";

/** Packages as users install them: in a Debian 13 of its own, with this machine's own processor. */

describe.skipIf(missing !== "")(`packages of the watchdog${missing}`, () => {
  let directory: string;
  let release: Release;
  const architecture = ownArchitecture ?? "amd64";
  const at = (name: string) => path.join(directory, name);

  beforeAll(async () => {
    directory = await mkdtemp("/tmp/es-failover-packages-");
    release = await bundleRelease();
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** A shell script in a Debian 13 that ends with it. */
  const inDebian = async (script: string): Promise<string> => {
    const [program = "", ...args] = toolsCommand(toolsRoot ?? "", ["/bin/sh", "-euc", script], [directory]);
    return (await run(program, args)).stdout;
  };
  const sumOf = async (file: string) =>
    createHash("sha256")
      .update(await readFile(file))
      .digest("hex");

  test("a .deb installs the program with its Node, units for it, an unprivileged user, and nothing that runs yet", async () => {
    const deb = await buildDeb(release, architecture, directory);
    const out = await inDebian(`dpkg --install ${deb} >&2
es-failover version
dpkg --verify es-failover
setpriv --reuid es-failover --regid es-failover --clear-groups es-failover --help | head -1
stat --format '%n %U:%G %a' /etc/es-failover /etc/es-failover/secrets /var/lib/es-failover/haproxy/ticket.map
grep ExecStart= /usr/lib/systemd/system/es-failover.service
ls /etc/systemd/system/multi-user.target.wants 2>/dev/null | grep es-failover || echo "not enabled"`);
    const lines = out.trim().split("\n");
    expect(lines[0]).toBe(release.version);
    expect(out).toContain("Usage: es-failover");
    expect(out).toContain("/etc/es-failover root:es-failover 750");
    expect(out).toContain("/etc/es-failover/secrets root:es-failover 750");
    expect(out).toContain("/var/lib/es-failover/haproxy/ticket.map es-failover:es-failover 644");
    expect(out).toMatch(/^ExecStart=\/usr\/lib\/es-failover\/node .* \/usr\/lib\/es-failover\/es-failover\.mjs run$/m);
    expect(lines.at(-1)).toBe("not enabled");
  });

  test("a .deb leaves a host alone that `pulumi up` set up, and no removal deletes salvaged writes", async () => {
    const deb = await buildDeb(release, architecture, directory, await tinyNode());
    const refused = await inDebian(`mkdir -p /opt/es-failover/current
dpkg --install ${deb} 2>&1 && echo installed || true; test -e /usr/bin/es-failover || echo "not there"`);
    expect(refused).toContain("`pulumi up` installed the watchdog of this host");
    expect(refused.trim().split("\n").at(-1)).toBe("not there");
    const purged = await inDebian(`dpkg --install ${deb} >/dev/null 2>&1
mkdir /var/lib/es-failover/salvage; touch /var/lib/es-failover/salvage/writes
dpkg --purge es-failover; ls /var/lib/es-failover/salvage; test -e /usr/lib/es-failover || echo "program gone"`);
    expect(purged).toMatch(/\/var\/lib\/es-failover stay: salvaged writes[\s\S]*^writes$[\s\S]*program gone/m);
  });

  /** In place of Node: what is asked of the package is not about it, and compressing it takes most of the time. */
  async function tinyNode() {
    await writeFile(at("tiny-node"), "#!/bin/sh\n", { mode: 0o755 });
    return { binary: at("tiny-node"), licence: path.join(import.meta.dirname, "..", "..", "LICENSE") };
  }

  test("the same sources give the same .deb and npm package, whoever builds them and when", async () => {
    const build = async (place: string) => {
      await mkdir(at(place));
      const files = [
        await buildDeb(release, architecture, at(place), await tinyNode()),
        await buildNpmPackage(release, at(place)),
      ];
      return Promise.all(files.map(sumOf));
    };
    const first = await build("first");
    const { TZ } = process.env;
    const umask = process.umask(0o077);
    process.env["TZ"] = "Asia/Tokyo";
    try {
      expect(await build("second")).toEqual(first);
    } finally {
      process.umask(umask);
      if (TZ === undefined) delete process.env["TZ"];
      else process.env["TZ"] = TZ;
    }
  });

  test("the npm package is the command by itself, without dependencies", async () => {
    const file = await buildNpmPackage(release, directory);
    await run("npm", ["install", "--silent", "--offline", "--no-audit", "--prefix", at("installed"), file]);
    expect(await readdir(at("installed/node_modules"))).toEqual([".bin", ".package-lock.json", "es-failover"]);
    const { stdout } = await run(at("installed/node_modules/.bin/es-failover"), ["version"]);
    expect(stdout).toBe(`${release.version}\n`);
  });

  test("the image's blobs are what their digests say, and its program runs in nothing but its own files", async () => {
    const image = await buildImage(release, directory);
    if (image === null) throw new Error("unreachable: this processor has an image");
    await mkdir(at("layout"));
    await run("tar", ["-xf", image.path, "-C", at("layout")]);
    const blob = async ({ digest, size }: Blob) => {
      const content = await readFile(at(`layout/blobs/${digest.replace(":", "/")}`));
      expect([`sha256:${createHash("sha256").update(content).digest("hex")}`, content.length]).toEqual([digest, size]);
      return content;
    };
    const json = async (content: Buffer | Promise<Buffer>) => JSON.parse((await content).toString());
    const index = z
      .object({ manifests: z.array(blobSchema).length(1) })
      .parse(await json(readFile(at("layout/index.json"))));
    const [named] = index.manifests;
    const manifest = manifestSchema.parse(await json(blob(named ?? { digest: "", size: 0 })));
    const config = configSchema.parse(await json(blob(manifest.config)));
    const [layer = { digest: "", size: 0 }] = manifest.layers;
    const tar = gunzipSync(await blob(layer));
    expect(config.rootfs.diff_ids).toEqual([`sha256:${createHash("sha256").update(tar).digest("hex")}`]);

    await mkdir(at("root"));
    await writeFile(at("layer.tar"), tar);
    await run("tar", ["-xf", at("layer.tar"), "-C", at("root")]);
    const [uid = "", gid = ""] = config.config.User.split(":");
    const asUser = [`--userspec=${uid}:${gid}`, at("root"), ...config.config.Entrypoint, "version"];
    expect((await run("chroot", asUser)).stdout).toBe(`${release.version}\n`);
    expect((await run("chroot", [at("root"), "/usr/bin/es-failover", "version"])).stdout).toBe(`${release.version}\n`);
    expect(config.config.Cmd).toEqual(["run"]);
    expect(image.components.map(({ name }) => name)).toEqual(expect.arrayContaining(["node", "libc6", "libstdc++6"]));
  });

  test("a bill of materials names every library whose code is in the program, with its licence", async () => {
    const { binary } = await nodeFor(architecture);
    const bill = billSchema.parse(JSON.parse(await billOfMaterials(release, [await nodeComponent(binary)])));
    const names = bill.components.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["node", "@elastic/elasticsearch", "undici", "zod", "pino", "commander"]),
    );
    expect(bill.components.filter(({ licenses, type }) => type === "library" && licenses === undefined)).toEqual([]);
    const licences = await readFile(at("installed/node_modules/es-failover/es-failover.mjs.LICENSES.txt"), "utf8");
    for (const { name, type } of bill.components) if (type === "library") expect(licences).toContain(`${name}\n\n`);
  });

  test("the compose file's services find every volume, image and service that they name", async () => {
    const text = await readFile(
      path.join(import.meta.dirname, "..", "..", "packages", "container", "compose.yaml"),
      "utf8",
    );
    const { services, volumes } = composeSchema.parse(parse(text, { merge: true }));
    expect(Object.keys(services).filter((name) => name.startsWith("watchdog-"))).toEqual([
      "watchdog-gra",
      "watchdog-bhs",
      "watchdog-witness",
    ]);
    for (const [name, service] of Object.entries(services)) {
      for (const volume of service.volumes
        .map((each) => each.split(":")[0] ?? "")
        .filter((each) => !each.startsWith("."))) {
        expect([name, Object.keys(volumes)]).toEqual([name, expect.arrayContaining([volume])]);
      }
      for (const other of service.depends_on) expect(services).toHaveProperty(other);
      expect([name, service.image !== undefined || service.build !== undefined]).toEqual([name, true]);
    }
    // The watchdog renews the ticket through the sockets of the HAProxy beside it, in the map that this one reads.
    for (const site of ["gra", "bhs"]) {
      const [haproxy, watchdog] = [services[`haproxy-${site}`], services[`watchdog-${site}`]];
      for (const shared of [`sockets-${site}:/run/haproxy`, `state-${site}:/var/lib/es-failover`]) {
        expect(watchdog?.volumes).toContain(shared);
        expect(haproxy?.volumes.some((volume) => volume.startsWith(shared))).toBe(true);
      }
    }
  });
});

const blobSchema = z.object({ digest: z.string(), size: z.number() });
type Blob = z.output<typeof blobSchema>;
const manifestSchema = z.object({ config: blobSchema, layers: z.array(blobSchema).length(1) });
const configSchema = z.object({
  config: z.object({ User: z.string(), Entrypoint: z.array(z.string()), Cmd: z.array(z.string()) }),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});
const billSchema = z.object({
  components: z.array(z.object({ name: z.string(), type: z.string(), licenses: z.array(z.unknown()).optional() })),
});
const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string().optional(),
      build: z.unknown().optional(),
      volumes: z.array(z.string()).default([]),
      depends_on: z.array(z.string()).default([]),
    }),
  ),
  volumes: z.record(z.string(), z.unknown()),
});
