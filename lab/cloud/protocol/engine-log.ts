import { credentials } from "@grpc/grpc-js";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";

const severities = {
  debug: engine.LogSeverity.DEBUG,
  info: engine.LogSeverity.INFO,
  warning: engine.LogSeverity.WARNING,
} as const;

/** Log lines for the engine's user. Without an engine, as in unit tests, they are dropped. */
export class EngineLog {
  #client: InstanceType<typeof engineServices.EngineClient> | undefined;

  constructor(address: string | undefined) {
    this.connect(address);
  }

  connect(address: string | undefined): void {
    if (address === undefined || address === "" || this.#client !== undefined) return;
    this.#client = new engineServices.EngineClient(address, credentials.createInsecure());
  }

  log(severity: keyof typeof severities, message: string, urn: string): void {
    const request = new engine.LogRequest().setSeverity(severities[severity]).setMessage(message).setUrn(urn);
    // A lost log line must not fail its operation.
    this.#client?.log(request, () => undefined);
  }
}
