import type { PublisherConfig } from "../../config/applications.ts";
import { sameState } from "../../core/endpoint-state.ts";
import type { Clock } from "../../util/clock.ts";
import type { HttpClient } from "../../util/http-client.ts";
import type { Logger } from "../../util/logger.ts";
import { Acknowledger } from "./acknowledge.ts";
import { TargetReconciler, type TargetReport } from "./reconciler.ts";
import type { Combined } from "./sources/combine.ts";
import type { Source, SourceReport } from "./sources/source.ts";
import { FileTarget } from "./targets/file.ts";
import type { PendingNotifications } from "./targets/pending.ts";
import { fileFromTemplate, fileWithEndpoint } from "./targets/published-file.ts";
import type { PublishableState, Target } from "./targets/target.ts";

export interface PublisherParts {
  readonly config: PublisherConfig;
  /** This host in acknowledgements. */
  readonly instance: string;
  readonly source: Source;
  /** Keys in etcd and Consul. */
  readonly keys: readonly Target[];
  readonly notifications: PendingNotifications;
  readonly acknowledge: { readonly urls: readonly string[]; readonly client: HttpClient };
  readonly clock: Clock;
  readonly log: Logger;
}

/** State of a publisher: plain JSON, served over its control socket. */
export interface PublisherStatus {
  readonly instance: string;
  readonly nowMs: number;
  /** What is published; null until a source answers. */
  readonly state: PublishableState | null;
  /** Why the answers of the sources cannot be published. */
  readonly problem: string | null;
  readonly sources: readonly SourceReport[];
  readonly targets: readonly TargetReport[];
  /** Why acknowledgements are not accepted; null: they are. */
  readonly acknowledgeError: string | null;
}

/** Publishes the active region to files and keys, and notifies the applications. */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #acknowledger: Acknowledger;
  readonly #stop = new AbortController();
  readonly #reconcilers: readonly TargetReconciler[];
  /** Received during the quiescence, with the time of the first change in it. */
  #pending: { readonly state: PublishableState; readonly sinceMs: number } | null = null;
  #settling: NodeJS.Timeout | null = null;
  #state: PublishableState | null = null;
  #problem: string | null = null;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    const { acknowledge, clock, log } = parts;
    this.#acknowledger = new Acknowledger({ ...acknowledge, clock, log });
    this.#reconcilers = [...this.#files(), ...parts.keys.map((target) => this.#reconciler(target, () => {}))];
  }

  async run(signal: AbortSignal): Promise<void> {
    const abort = () => this.#stop.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    const own = this.#stop.signal;
    await Promise.all([
      this.#parts.source.run((combined) => this.#receive(combined), own),
      ...this.#reconcilers.map((reconciler) => reconciler.run(own)),
      this.#acknowledger.run(own),
    ]);
    clearTimeout(this.#settling ?? undefined);
    signal.removeEventListener("abort", abort);
  }

  status(): PublisherStatus {
    return {
      instance: this.#parts.instance,
      nowMs: this.#parts.clock.nowMs(),
      state: this.#state,
      problem: this.#problem,
      sources: this.#parts.source.report(),
      targets: this.#reconcilers.map((reconciler) => reconciler.report()),
      acknowledgeError: this.#acknowledger.error,
    };
  }

  /** Never passes on a lower epoch, nor another region for the same epoch. */
  #receive({ state, conflict }: Combined): void {
    const newest = this.#pending?.state ?? this.#state;
    const problem = conflict ?? (state === null ? null : conflictOf(newest, state));
    if (problem !== null && problem !== this.#problem) {
      this.#parts.log.error({ event: "contradiction", problem }, `${problem}; files and keys stay as they are`);
    }
    this.#problem = problem;
    if (state === null || problem !== null) return;
    if (newest !== null && (state.epoch < newest.epoch || sameState(state, newest))) return;
    if (newest?.phase === "serving" && state.phase !== "serving" && state.epoch === newest.epoch) return;
    this.#pending = { state, sinceMs: this.#pending?.sinceMs ?? this.#parts.clock.monotonicMs() };
    this.#settle(this.#pending.sinceMs);
  }

  /** Quiescence: a switch that is undone at once does not reach applications. */
  #settle(sinceMs: number): void {
    const { minMs, maxMs } = this.#parts.config.quiescence;
    const remainingMs = sinceMs + maxMs - this.#parts.clock.monotonicMs();
    clearTimeout(this.#settling ?? undefined);
    this.#settling = setTimeout(
      () => {
        if (this.#pending === null) return;
        this.#state = this.#pending.state;
        this.#pending = null;
        const { epoch, phase } = this.#state;
        this.#parts.log.info({ event: "epoch", epoch, phase }, `epoch ${epoch} is ${phase}`);
        for (const reconciler of this.#reconcilers) reconciler.trigger();
      },
      Math.max(0, Math.min(minMs, remainingMs)),
    );
  }

  #files(): readonly TargetReconciler[] {
    const { config, notifications, clock, log, instance } = this.#parts;
    const files = [...config.files.map(fileWithEndpoint), ...config.templates.map(fileFromTemplate)];
    return files.map((file) => {
      const parts = { file, notifications, splayMs: config.splayMs, clock, log, signal: this.#stop.signal };
      const { application } = file;
      return this.#reconciler(new FileTarget(parts), ({ usedEpoch, notifiedEpoch, error, waitingFor }) => {
        if (application === null) return;
        const problem = (error ?? waitingFor)?.slice(0, 500) ?? null;
        const epoch = usedEpoch ?? notifiedEpoch ?? 0;
        this.#acknowledger.set({ application, instance, epoch, confirmed: usedEpoch !== null, problem });
      });
    });
  }

  #reconciler(target: Target, attempted: (report: TargetReport) => void): TargetReconciler {
    const { config, clock, log } = this.#parts;
    const { checkIntervalMs, retryMaxMs } = config;
    return new TargetReconciler({
      ...{ target, checkIntervalMs, retryMaxMs, clock, log, attempted },
      wanted: () => this.#state,
    });
  }
}

function conflictOf(known: PublishableState | null, received: PublishableState): string | null {
  if (known?.phase !== "serving" || received.phase !== "serving" || known.epoch !== received.epoch) return null;
  if (known.region === received.region) return null;
  return `epoch ${received.epoch} was assigned to ${known.region} before, and is assigned to ${received.region} now`;
}
