import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { asSuperuser } from "../../../lab/system/superuser.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import { run } from "../../../lab/util/run.ts";
import { until } from "../../../lab/util/until.ts";
import type { Questions } from "./questions.ts";

/** Base64 of so many random bytes in one field: no compression of Elasticsearch's makes it smaller. */
const DOCUMENT_BYTES = 192 << 10;
/** Small enough for a node that takes requests of a tenth of its heap of 256 MB at a time. */
const DOCUMENTS_PER_BULK = 8;
const WRITE_TIMEOUT_MS = 300_000;

/** Nothing is indexed, and what writes everything several times, or waits for the disk, is rare. */
const definition = {
  settings: {
    number_of_shards: 1,
    number_of_replicas: 0,
    "index.merge.policy.segments_per_tier": 100,
    "index.translog.durability": "async",
    "index.refresh_interval": -1,
  },
  mappings: { dynamic: false },
};

/**
 * Indices of bhs of a size that takes a line between regions some time. One is written; the others are clones of it, whose
 * files Elasticsearch links and does not copy, but counts, reads and sends like any other's.
 */
export class LargeIndices {
  readonly names: readonly string[];
  readonly #system: TwoRegions;
  readonly #questions: Questions;

  constructor(names: readonly string[], { system, questions }: { system: TwoRegions; questions: Questions }) {
    this.names = names;
    this.#system = system;
    this.#questions = questions;
  }

  /** @returns bytes of all files of all indices */
  async create(scratch: string, bytesEach: number): Promise<number> {
    const [first = "", ...others] = this.names;
    await this.#write(first, scratch, bytesEach);
    await this.#blockWrites(first, true);
    for (const name of others) await this.#clone(first, name);
    await this.#blockWrites(first, null);
    await until("every clone has its files", 60_000, async () =>
      (await this.#bytes()).every((bytes) => bytes > bytesEach),
    );
    return (await this.#bytes()).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Writes to one index by bulk requests through the entry of bhs. The same documents are in it again and again. */
  async #write(name: string, scratch: string, bytes: number): Promise<void> {
    const { url, username, password, ca } = await this.#system.entry();
    const made = await this.#questions.asUser("app", `${url}/${name}`, { method: "PUT", body: definition });
    if (made.status !== 200) throw new Error(`PUT ${name}: ${made.status} ${made.body.slice(0, 300)}${made.error}`);
    const directory = await mkdtemp(path.join(scratch, "bulk-"));
    try {
      const document = () =>
        `{"create":{}}\n${JSON.stringify({ random: randomBytes(DOCUMENT_BYTES).toString("base64") })}\n`;
      const bulk = Array.from({ length: DOCUMENTS_PER_BULK }, document).join("");
      const [file, caFile] = [path.join(directory, "bulk.json"), path.join(directory, "ca.crt")];
      await writeFile(file, bulk);
      await writeFile(caFile, ca);
      const settings = [
        // curl sends no fragment: it only repeats the request, some more times than needed, as a busy node may refuse one.
        `url = "${url}/${name}/_bulk?filter_path=errors#[1-${Math.ceil((1.05 * bytes) / bulk.length)}]"`,
        `user = "${username}:${password}"`,
        `cacert = "${caFile}"`,
        `data-binary = "@${file}"`,
        'header = "content-type: application/x-ndjson"',
        "silent\nshow-error\nfail-with-body\nretry = 20\nretry-delay = 1",
      ];
      const [command = "", ...args] = this.#system.lab.controllerCommand(["curl", "--config", "-"]);
      await run(command, args, { input: settings.join("\n"), timeoutMs: WRITE_TIMEOUT_MS });
    } finally {
      await rm(directory, { recursive: true });
    }
    await asSuperuser(this.#system, "bhs", { method: "POST", path: `/${name}/_flush?force=true` });
  }

  async #clone(from: string, name: string): Promise<void> {
    const body = { settings: { "index.blocks.write": null } };
    await asSuperuser(this.#system, "bhs", { path: `/${from}/_clone/${name}?wait_for_active_shards=0`, body });
  }

  async #blockWrites(name: string, blocked: true | null): Promise<void> {
    await asSuperuser(this.#system, "bhs", { path: `/${name}/_settings`, body: { "index.blocks.write": blocked } });
  }

  async #bytes(): Promise<readonly number[]> {
    const path = `/_cat/indices/${this.names.join()}?format=json&bytes=b&h=index,pri.store.size`;
    const rows = (await this.#questions.ask("bhs", path)) as readonly Readonly<Record<string, string | null>>[];
    return rows.map((row) => Number(row["pri.store.size"] ?? 0));
  }

  /** Deletes them in bhs, which is active, and then their followers: CCR replicates no deletion. */
  async remove(): Promise<void> {
    for (const region of ["bhs", "gra"] as const) {
      await asSuperuser(this.#system, region, {
        method: "DELETE",
        path: `/${this.names.join()}?ignore_unavailable=true`,
      });
    }
  }
}
