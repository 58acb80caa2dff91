import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import services from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import proto from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { messageOf } from "../../../watchdog/util/errors.ts";
import { schemaViolations } from "../schema/validate.ts";
import { EngineLog } from "./engine-log.ts";
import * as operations from "./operations.ts";
import type { Call, ProviderPackage, Recorded, Violation } from "./package.ts";
import { type PropertyMap, revealMap } from "./values.ts";
import { decodeMap, encodeMap } from "./wire.ts";

/** Provider inputs that the engine adds to the package's. */
const engineConfigurationKeys = new Set(["version", "pluginDownloadURL", "parameterization", "__internal"]);
/** Messages contain assets; Pulumi's own providers raise gRPC's limit to the same size. */
const maxMessageBytes = 400 * 1024 * 1024;

/**
 * Serves one package over Pulumi's provider protocol on a loopback port, and prints the port as the engine expects of a
 * plugin.
 *
 * Does not use `@pulumi/pulumi/provider`, which hides from `create` and `update` whether they are previews and which inputs
 * are secret.
 */
export async function serve(pkg: ProviderPackage, engineAddress: string | undefined): Promise<void> {
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
  });
  const provider = new Provider(pkg, new EngineLog(engineAddress));
  server.addService(services.ResourceProviderService, provider.methods());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  process.stdout.write(`${port}\n`);
}

/** A gRPC method from a function; the engine shows the errors it throws. */
function method<Request, Response>(answer: (request: Request) => Promise<Response> | Response) {
  return (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>): void => {
    Promise.resolve()
      .then(() => answer(call.request))
      .then(
        (response) => done(null, response),
        (error: unknown) => {
          const details = messageOf(error);
          done({ code: status.UNKNOWN, details, name: "ProviderError", message: details });
        },
      );
  };
}

function failures(violations: readonly Violation[]): proto.CheckFailure[] {
  return violations.map(({ property, reason }) => new proto.CheckFailure().setProperty(property).setReason(reason));
}

class Provider {
  readonly #package: ProviderPackage;
  readonly #engine: EngineLog;
  readonly #cancelled = new AbortController();

  constructor(pkg: ProviderPackage, engine: EngineLog) {
    this.#package = pkg;
    this.#engine = engine;
  }

  methods() {
    return {
      handshake: method((request: proto.ProviderHandshakeRequest) => {
        this.#engine.connect(request.getEngineAddress());
        return new proto.ProviderHandshakeResponse().setAcceptSecrets(true);
      }),
      getPluginInfo: method(() => new plugin.PluginInfo().setVersion(this.#package.schema.version)),
      attach: method((request: plugin.PluginAttach) => {
        this.#engine.connect(request.getAddress());
        return new empty.Empty();
      }),
      cancel: method(() => {
        this.#cancelled.abort();
        return new empty.Empty();
      }),
      checkConfig: method((request: proto.CheckRequest) => this.#checkConfiguration(request)),
      diffConfig: method(() => new proto.DiffResponse().setChanges(proto.DiffResponse.DiffChanges.DIFF_NONE)),
      configure: method((request: proto.ConfigureRequest) => {
        this.#package.configure?.(revealMap(decodeMap(request.getArgs())));
        return new proto.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true);
      }),
      invoke: method((request: proto.InvokeRequest) => this.#invoke(request)),
      check: method((request: proto.CheckRequest) => this.#check(request)),
      diff: method((request: proto.DiffRequest) => this.#diff(request)),
      create: method((request: proto.CreateRequest) => this.#create(request)),
      read: method((request: proto.ReadRequest) => this.#read(request)),
      update: method((request: proto.UpdateRequest) => this.#update(request)),
      delete: method((request: proto.DeleteRequest) => this.#delete(request)),
    };
  }

  #call(urn: string): Call {
    return {
      urn,
      name: urn.split("::").slice(3).join("::"),
      signal: this.#cancelled.signal,
      log: (severity, message) => this.#engine.log(severity, message, urn),
    };
  }

  #served(urn: string): operations.Served {
    const token = urn.split("::")[2]?.split("$").at(-1) ?? "";
    return operations.served(this.#package, token);
  }

  #checkConfiguration(request: proto.CheckRequest): proto.CheckResponse {
    const news = decodeMap(request.getNews());
    const known = Object.keys(this.#package.schema.configuration);
    const violations = Object.keys(news)
      .filter((name) => !known.includes(name) && !engineConfigurationKeys.has(name))
      .map((property) => ({ property, reason: `is no setting of the provider; known are ${known.join(", ")}` }));
    return new proto.CheckResponse().setInputs(encodeMap(news)).setFailuresList(failures(violations));
  }

  async #invoke(request: proto.InvokeRequest): Promise<proto.InvokeResponse> {
    const token = request.getTok();
    const call = this.#package.functions[token];
    const inputs = this.#package.schema.functions[token];
    if (call === undefined || inputs === undefined) {
      throw new Error(`The lab's ${this.#package.schema.name} provider has no function ${token} (lab/cloud/README.md)`);
    }
    const args = revealMap(decodeMap(request.getArgs()));
    const violations = schemaViolations(this.#package.schema, inputs, args);
    if (violations.length > 0) return new proto.InvokeResponse().setFailuresList(failures(violations));
    const result = await call(args, { signal: this.#cancelled.signal });
    return new proto.InvokeResponse().setReturn(encodeMap(result));
  }

  #check(request: proto.CheckRequest): proto.CheckResponse {
    const olds = request.getOlds();
    const { inputs, violations } = operations.check(this.#package, this.#served(request.getUrn()), {
      news: decodeMap(request.getNews()),
      olds: olds === undefined ? undefined : decodeMap(olds),
      name: this.#call(request.getUrn()).name,
      seed: Buffer.from(request.getRandomseed_asU8()),
    });
    return new proto.CheckResponse().setInputs(encodeMap(inputs)).setFailuresList(failures(violations));
  }

  #diff(request: proto.DiffRequest): proto.DiffResponse {
    const change = operations.diff(this.#served(request.getUrn()), recorded(request), decodeMap(request.getNews()));
    const { DIFF_NONE, DIFF_SOME } = proto.DiffResponse.DiffChanges;
    return new proto.DiffResponse()
      .setChanges(change.changed.length === 0 ? DIFF_NONE : DIFF_SOME)
      .setDiffsList([...change.changed])
      .setReplacesList([...change.replaces])
      .setDeletebeforereplace(change.deleteBeforeReplace);
  }

  async #create(request: proto.CreateRequest): Promise<proto.CreateResponse> {
    const served = this.#served(request.getUrn());
    const inputs = decodeMap(request.getProperties());
    if (request.getPreview()) {
      return new proto.CreateResponse().setProperties(encodeMap(operations.previewCreate(served, inputs)));
    }
    const { id, outputs } = await operations.create(served, inputs, this.#call(request.getUrn()));
    return new proto.CreateResponse().setId(id).setProperties(encodeMap(outputs));
  }

  async #update(request: proto.UpdateRequest): Promise<proto.UpdateResponse> {
    const served = this.#served(request.getUrn());
    const inputs = decodeMap(request.getNews());
    const outputs = request.getPreview()
      ? operations.previewUpdate(served, decodeMap(request.getOlds()), inputs)
      : await operations.update(served, request.getId(), recorded(request), inputs, this.#call(request.getUrn()));
    return new proto.UpdateResponse().setProperties(encodeMap(outputs));
  }

  async #read(request: proto.ReadRequest): Promise<proto.ReadResponse> {
    const served = this.#served(request.getUrn());
    const inputs = decodeMap(request.getInputs());
    const outputs = decodeMap(request.getProperties());
    const response = new proto.ReadResponse().setId(request.getId());
    if (served.type.read === undefined) {
      return response.setInputs(encodeMap(inputs)).setProperties(encodeMap(outputs));
    }
    const known: Recorded = { inputs: revealMap(inputs), outputs: revealMap(outputs) };
    const found = await served.type.read(request.getId(), known, this.#call(request.getUrn()));
    if (found === undefined) return new proto.ReadResponse();
    return response
      .setId(found.id ?? request.getId())
      .setInputs(encodeMap(operations.protect(served, inputs, found.inputs)))
      .setProperties(encodeMap(operations.protect(served, { ...outputs, ...inputs }, found.outputs)));
  }

  async #delete(request: proto.DeleteRequest): Promise<empty.Empty> {
    const outputs: PropertyMap = revealMap(decodeMap(request.getProperties()));
    const inputs = revealMap(decodeMap(request.getOldInputs()));
    const { type } = this.#served(request.getUrn());
    await type.delete?.(request.getId(), { inputs, outputs }, this.#call(request.getUrn()));
    return new empty.Empty();
  }
}

function recorded(request: proto.DiffRequest | proto.UpdateRequest): Recorded {
  return { inputs: revealMap(decodeMap(request.getOldInputs())), outputs: revealMap(decodeMap(request.getOlds())) };
}
