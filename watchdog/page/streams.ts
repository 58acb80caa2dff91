import type { ServerResponse } from "node:http";
import type { Rendered } from "./document.ts";

export interface StreamLimits {
  readonly clients: number;
  /** Bytes that wait for one client. One that reads more slowly is dropped, and connects again when it can. */
  readonly bufferedBytes: number;
  /** Between two looks at the status. */
  readonly intervalMs: number;
}

export interface StreamSource {
  /** @throws Error when there is no status */
  readonly render: () => Promise<Rendered>;
  readonly version: string;
}

/** Sends those who watch the page what has changed, as server-sent events. Without them it does nothing. */
export class Streams {
  readonly #source: StreamSource;
  readonly #limits: StreamLimits;
  readonly #clients = new Set<ServerResponse>();
  #sent: Rendered["sections"] = {};
  #timer: NodeJS.Timeout | null = null;
  #isRendering = false;

  constructor(source: StreamSource, limits: StreamLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#limits.clients;
  }

  /** The response has its head already. */
  add(client: ServerResponse): void {
    this.#clients.add(client);
    client.once("close", () => {
      this.#clients.delete(client);
      if (this.#clients.size === 0) this.#stop();
    });
    client.write("retry: 2000\n\n");
    // It needs every section: what it has may be of long ago.
    this.#sent = {};
    this.#timer ??= setInterval(() => void this.#tick(), this.#limits.intervalMs);
    void this.#tick();
  }

  close(): void {
    this.#stop();
    for (const client of this.#clients) client.destroy();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #tick(): Promise<void> {
    if (this.#isRendering) return;
    this.#isRendering = true;
    try {
      const text = await this.#event();
      for (const client of this.#clients) this.#send(client, text);
    } finally {
      this.#isRendering = false;
    }
  }

  /** Without a status only a comment, so that the connection lives and the page shows its age. */
  async #event(): Promise<string> {
    try {
      const { title, sections } = await this.#source.render();
      const changed = Object.entries(sections).filter(([id, content]) => this.#sent[id] !== content);
      this.#sent = sections;
      const data = { title, version: this.#source.version, sections: Object.fromEntries(changed) };
      return `event: status\ndata: ${JSON.stringify(data)}\n\n`;
    } catch {
      return ": no status\n\n";
    }
  }

  #send(client: ServerResponse, text: string): void {
    if (client.writableLength > this.#limits.bufferedBytes) client.destroy();
    else client.write(text);
  }
}
