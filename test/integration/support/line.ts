import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A line on loopback to a port of a server that stays alive: connections go through it until a test cuts it. */
export class Line {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** What arrived during a silence, to be passed on after it. */
  #held: (() => void)[] | undefined;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((client) => this.#join(client));
  }

  /** @param address `127.0.0.1:PORT` */
  static async to(address: string): Promise<Line> {
    const line = new Line(Number(address.split(":")[1]));
    await line.#listen(0);
    return line;
  }

  /** `127.0.0.1:PORT` of the near end; the same after `restore`. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends all connections and refuses new ones. Returns what makes the line take connections again. */
  async cut(): Promise<() => Promise<void>> {
    const { port } = this.#server.address() as AddressInfo;
    await this.close();
    return () => this.#listen(port);
  }

  /** Connections stay open and nothing goes through, as when packets are lost. */
  silence(): void {
    this.#held = [];
  }

  /** Whether something would have gone through since the silence began. */
  get isMissed(): boolean {
    return this.#held !== undefined && this.#held.length > 0;
  }

  /** Ends a silence: what was sent meanwhile arrives. */
  unsilence(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const pass of held) pass();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
  }

  #join(near: Socket): void {
    const far = connect(this.#port, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("data", (bytes) => {
        const pass = () => other.write(bytes);
        if (this.#held === undefined) pass();
        else this.#held.push(pass);
      });
      // A reset is an end like any other.
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
