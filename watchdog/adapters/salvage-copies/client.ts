import { type Agent, request } from "node:https";
import { z } from "zod";
import { type CopyPlace, copySchema, type IndexPlace } from "../../salvage/copies/place.ts";
import { reasonOf } from "../../util/files.ts";
import { type Live, liveOf } from "../../util/live.ts";
import { RenewableAgent } from "../../util/renewable-agent.ts";
import type { FailsafeTls } from "../failsafe/tls.ts";

/** A file is written and read back meanwhile, which may have gigabytes. */
const TIMEOUT_MS = 600_000;
/** Names and sums of the copies of tens of thousands of indices. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

export interface CopyClient {
  /** @param url of the failsafe service of the watchdog that keeps the copies */
  placeAt(name: string, url: string): CopyPlace;
  close(): void;
}

/** @param sender the name of this watchdog, under which others keep its exports */
export function copyClient(tls: FailsafeTls | Live<FailsafeTls>, sender: string): CopyClient {
  const agent = new RenewableAgent(liveOf(tls), { maxSockets: 1 }, TIMEOUT_MS);
  const pathOf = (...names: readonly string[]) => ["/salvage", sender, ...names].map(encodeName).join("/");
  const place = (name: string, url: string): CopyPlace => {
    const send = async <T extends z.ZodType>(schema: T, path: string, body: Buffer | null): Promise<z.output<T>> =>
      schema.parse(JSON.parse(await exchange(agent.current, new URL(path, url), body)));
    const below = ({ export: of, index }: IndexPlace, file: string) => pathOf(of, index, file);
    return {
      name,
      copies: async () => (await send(z.object({ copies: z.array(copySchema) }), pathOf(), null)).copies,
      append: async (at, file, from, chunk) =>
        (await send(z.object({ bytes: z.number() }), `${below(at, file)}?from=${from}`, chunk)).bytes,
      finish: async (at, receipt) => {
        const body = Buffer.from(JSON.stringify(receipt));
        return (await send(z.object({ problem: z.string().nullable() }), below(at, "receipt.json"), body)).problem;
      },
    };
  };
  return { placeAt: place, close: () => agent.destroy() };
}

const encodeName = (name: string) => (name.startsWith("/") ? name : encodeURIComponent(name));

/** GET without a body, else POST. */
function exchange(agent: Agent, url: URL, body: Buffer | null): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (reason: string) => reject(new Error(reason));
    const outgoing = request(
      url,
      {
        agent,
        method: body === null ? "GET" : "POST",
        headers: { "content-length": body?.length ?? 0 },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > ANSWER_BYTES_MAX) incoming.destroy(new Error("the answer is too long"));
        });
        incoming.on("error", (error) => failed(reasonOf(error)));
        incoming.on("end", () =>
          incoming.statusCode === 200 ? resolve(text) : failed(`answered ${incoming.statusCode}: ${text.trim()}`),
        );
      },
    );
    outgoing.on("error", (error) => failed(reasonOf(error)));
    outgoing.end(body ?? undefined);
  });
}
