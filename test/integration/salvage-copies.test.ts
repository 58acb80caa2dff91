import { randomBytes } from "node:crypto";
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FailsafeServer, serveFailsafe } from "../../watchdog/adapters/failsafe/server.ts";
import type { FailsafeTls } from "../../watchdog/adapters/failsafe/tls.ts";
import { type CopyClient, copyClient } from "../../watchdog/adapters/salvage-copies/client.ts";
import { salvageCopyHandler } from "../../watchdog/adapters/salvage-copies/server.ts";
import { CHUNK_BYTES, type CopyPlace } from "../../watchdog/salvage/copies/place.ts";
import { ReceivedCopies } from "../../watchdog/salvage/copies/received.ts";
import { copiesAtOtherSites } from "../../watchdog/salvage/copies/send.ts";
import { sumOf, writeLines } from "../../watchdog/salvage/lines.ts";
import { type Receipt, readReceipt, writeReceipt } from "../../watchdog/salvage/receipt.ts";
import { readTls, TestAuthority } from "./support/certificates.ts";

describe("an export that a host of another site has to have as well", () => {
  const LINES = 3_500;
  const own = path.join("4-gra", "_THsl6dySb6prkb2Kh23ZQ");
  let directory: string;
  let root: string;
  let tls: FailsafeTls;
  let servers: FailsafeServer[];
  let client: CopyClient;
  let receipt: Receipt;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-copies-"));
    root = path.join(directory, "salvage");
    const authority = await TestAuthority.create(directory);
    const { certificate, key } = await authority.issue("watchdog");
    tls = await readTls({ caFile: authority.caFile, certificateFile: certificate, keyFile: key });
    client = copyClient(tls, "gra-1");
    servers = [];
    receipt = await exported();
  });
  afterEach(async () => {
    client.close();
    await Promise.all(servers.map((server) => server.close()));
    await rm(directory, { recursive: true, force: true });
  });

  /** An export of several chunks. */
  async function exported(): Promise<Receipt> {
    await mkdir(path.join(root, own), { recursive: true });
    async function* lines() {
      for (let n = 0; n < LINES; n += 1) yield JSON.stringify({ n, text: randomBytes(500).toString("hex") });
    }
    const written = await writeLines(path.join(root, own, "operations.ndjson"), lines(), "none");
    expect(written.bytes).toBeGreaterThan(3 * CHUNK_BYTES);
    const definition = Buffer.from("{}\n");
    await writeFile(path.join(root, own, "definition.json"), definition);
    const at = "2026-11-26T12:00:00.000Z";
    const made: Receipt = {
      schemaVersion: 2,
      ...{
        epoch: 4,
        region: "gra",
        newRegion: "bhs",
        clusterUuid: "c",
        index: "orders",
        uuid: "_THsl6dySb6prkb2Kh23ZQ",
      },
      ...{ promotedAt: at, startedAt: at, finishedAt: at, limits: [] },
      shards: [{ shard: 0, checkpoint: -1, maxSeqNo: 9, exported: LINES, withoutSource: 0, invisible: 0 }],
      operations: { file: "operations.ndjson", compression: "none", count: LINES, ...written },
      definition: { file: "definition.json", ...sumOf(definition) },
    };
    await writeReceipt(path.join(root, own), made);
    return made;
  }

  /** A watchdog that keeps copies in `name`, and counts what is sent to it. */
  async function host(name: string, freeBytes = 1024 ** 4) {
    const received = new ReceivedCopies(path.join(directory, name), {
      reserveBytes: 0,
      freeBytes: async () => freeBytes,
    });
    const server = await serveFailsafe({
      listen: "127.0.0.1:0",
      tls,
      answer: () => ({ agrees: false, watchdog: name, reason: "of the test" }),
      salvageCopies: salvageCopyHandler(received),
    });
    servers.push(server);
    const url = `https://127.0.0.1:${server.port}`;
    const place = client.placeAt(name, url);
    const sent = { bytes: 0 };
    const counted: CopyPlace = {
      ...place,
      append: (at, file, from, chunk) => {
        sent.bytes += chunk.length;
        return place.append(at, file, from, chunk);
      },
    };
    return { place: counted, sent, url, server, copy: path.join(directory, name, "gra-1", own) };
  }

  const proceed = () => {};
  const problemOf = async (...places: readonly CopyPlace[]) =>
    (await copiesAtOtherSites(() => places).problems(root))(path.join(root, own), receipt);

  test("is sent once, whole, for the eyes of that host's watchdog alone", async () => {
    const { place, sent, copy } = await host("bhs-1");
    expect(await problemOf(place)).toContain("no host of another site has a copy of it");
    await copiesAtOtherSites(() => [place]).copy(root, proceed);
    expect(await problemOf(place)).toBeNull();
    expect(await readReceipt(copy)).toEqual(receipt);
    for (const file of ["operations.ndjson", "definition.json"]) {
      expect(Buffer.compare(await readFile(path.join(copy, file)), await readFile(path.join(root, own, file)))).toBe(0);
      expect((await stat(path.join(copy, file))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(copy)).mode & 0o777).toBe(0o700);
    const { bytes } = sent;
    await copiesAtOtherSites(() => [place]).copy(root, proceed);
    expect(sent.bytes).toBe(bytes);
  });

  test("is continued after an interruption, from where it was", async () => {
    const { place, sent } = await host("bhs-1");
    const interrupted = () => {
      if (sent.bytes >= 2 * CHUNK_BYTES) throw new Error("not the controller any more");
    };
    await expect(copiesAtOtherSites(() => [place]).copy(root, interrupted)).rejects.toThrow("not the controller");
    expect(await problemOf(place)).not.toBeNull();
    await copiesAtOtherSites(() => [place]).copy(root, proceed);
    expect(await problemOf(place)).toBeNull();
    expect(sent.bytes).toBe(receipt.operations.bytes + receipt.definition.bytes);
  });

  test("is sent again when what arrived before is not what was exported", async () => {
    const { place, copy } = await host("bhs-1");
    await mkdir(copy, { recursive: true });
    await writeFile(path.join(copy, "operations.ndjson.partial"), "of another export\n");
    await expect(copiesAtOtherSites(() => [place]).copy(root, proceed)).rejects.toThrow(/sha256/);
    await copiesAtOtherSites(() => [place]).copy(root, proceed);
    expect(await problemOf(place)).toBeNull();
  });

  test("goes to the next host where one has no room, and to none without one", async () => {
    const [full, next] = [await host("bhs-1", 0), await host("witness-1")];
    await expect(copiesAtOtherSites(() => [full.place]).copy(root, proceed)).rejects.toThrow(/bhs-1.*no room/);
    await copiesAtOtherSites(() => [full.place, next.place]).copy(root, proceed);
    expect(await problemOf(full.place, next.place)).toBeNull();
    await expect(copiesAtOtherSites(() => []).copy(path.join(root), proceed)).rejects.toThrow(/salvage.secondSite/);
  });

  test("has no copy that counts once that is damaged, or its host is away", async () => {
    const { place, copy, server } = await host("bhs-1");
    await copiesAtOtherSites(() => [place]).copy(root, proceed);
    await appendFile(path.join(copy, "operations.ndjson"), "{}\n");
    expect(await problemOf(place)).toContain("no host of another site");
    await server.close();
    servers = [];
    expect(await problemOf(place)).toMatch(/bhs-1: (socket hang up|connect ECONNREFUSED)/);
  });

  test("is written nowhere else by names that lead out of its directory", async () => {
    const { place } = await host("bhs-1");
    const chunk = Buffer.from("x");
    for (const at of [
      { export: "..", index: "uuid" },
      { export: "4-gra", index: "../../x" },
    ]) {
      await expect(place.append(at, "operations.ndjson", 0, chunk)).rejects.toThrow("answered 400");
    }
    await expect(place.append({ export: "4-gra", index: "u" }, "../x", 0, chunk)).rejects.toThrow("answered 400");
  });
});
