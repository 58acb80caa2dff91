import { z } from "zod";

const statusEvent = z.object({ title: z.string(), version: z.string(), sections: z.record(z.string(), z.string()) });
type StatusEvent = z.output<typeof statusEvent>;

/** A client of the status page's events that is not a browser. */
export class EventStream {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(reader: ReadableStreamDefaultReader<string>) {
    this.#reader = reader;
  }

  static async open(url: string): Promise<EventStream> {
    const { status, body } = await fetch(url);
    if (status !== 200 || body === null) throw new Error(`${url} answered ${status}`);
    return new EventStream(body.pipeThrough(new TextDecoderStream()).getReader());
  }

  /** The next event. @throws Error when the stream has ended */
  next(): Promise<StatusEvent> {
    return this.until(() => true);
  }

  async until(wanted: (event: StatusEvent) => boolean): Promise<StatusEvent> {
    for (;;) {
      const data = /^data: (.*)$/m.exec(await this.#block())?.[1];
      if (data === undefined) continue;
      const event = statusEvent.parse(JSON.parse(data));
      if (wanted(event)) return event;
    }
  }

  /** Waits for a comment. */
  async comment(): Promise<void> {
    while (!(await this.#block()).startsWith(":"));
  }

  close(): void {
    this.#reader.cancel().catch(() => {});
  }

  async #block(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return block;
      }
      const { done, value } = await this.#reader.read();
      if (done) throw new Error("the events have ended");
      this.#text += value;
    }
  }
}
