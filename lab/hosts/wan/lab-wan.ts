import { type LabContext, locked } from "../context.ts";
import type { LabRegion, WanSettings } from "../types.ts";
import { applyWan, changeDirection, readWan, type WanLine } from "./wan.ts";

/** The WAN of a lab. Changes are in force when a call returns. */
export class LabWan {
  readonly #context: LabContext;

  constructor(context: LabContext) {
    this.#context = context;
  }

  /** How each direction carries packets. */
  lines(): Promise<readonly WanLine[]> {
    return readWan(this.#context.layout);
  }

  /** Changes both directions between two regions; settings that `change` omits stay. */
  async set(a: LabRegion, b: LabRegion, change: Partial<WanSettings>): Promise<void> {
    await this.#change((lines) => {
      const oneWay = changeDirection(lines, { from: a, to: b }, change);
      return changeDirection(oneWay, { from: b, to: a }, change);
    });
  }

  /** Cuts the line between two regions; `oneWay`: only packets from `from` to `to` are lost. */
  async cut(from: LabRegion, to: LabRegion, options: { readonly oneWay?: boolean } = {}): Promise<void> {
    if (options.oneWay !== true) return this.set(from, to, { cut: true });
    await this.#change((lines) => changeDirection(lines, { from, to }, { cut: true }));
  }

  /** Undoes every cut. Delay, jitter and loss stay. */
  async heal(): Promise<void> {
    await this.#change((lines) => lines.map((line) => ({ ...line, cut: false })));
  }

  async #change(change: (lines: readonly WanLine[]) => readonly WanLine[]): Promise<void> {
    const { layout, cgroups } = this.#context;
    await locked(this.#context, async () => applyWan(layout, cgroups, change(await readWan(layout))));
  }
}
