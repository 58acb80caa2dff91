import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { Archive, Asset, isMap, type PropertyMap, type PropertyValue, Secret, Unknown, unknown } from "./values.ts";

/**
 * Pulumi encodes other values than JSON's in protobuf structs as an object with this key, whose value is the kind. The
 * constants are part of the protocol (pulumi/sdk/go/common/resource/sig/sig.go).
 */
const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const assetSignature = "c44067f5952c0a294b673a41bacd8c17";
const archiveSignature = "0def7320c3a5731c473e5ecbe6d01bc7";
const unknownText = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** Unknown values, by their type (sdk/go/common/resource/plugin/rpc.go). */
const unknownTexts = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  unknownText,
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export function decodeMap(message: struct.Struct | undefined): PropertyMap {
  if (message === undefined) return {};
  const decoded = decode(message.toJavaScript() as Json);
  return isMap(decoded) ? decoded : {};
}

export function encodeMap(map: PropertyMap): struct.Struct {
  const json = Object.fromEntries(Object.entries(map).map(([name, value]) => [name, encode(value)]));
  return struct.Struct.fromJavaScript(json);
}

function decode(json: Json): PropertyValue {
  if (typeof json === "string") return unknownTexts.has(json) ? unknown : json;
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map(decode);
  const { [signatureKey]: signature, ...rest } = json;
  if (signature === undefined) {
    return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, decode(value)]));
  }
  switch (signature) {
    case secretSignature:
      return new Secret(decode(rest["value"] ?? null));
    case assetSignature:
      return decodeAsset(rest);
    case archiveSignature:
      return decodeArchive(rest);
    default:
      throw new Error(`the engine sent a value of an unsupported kind: ${String(signature)}`);
  }
}

function text(json: Json | undefined): string | undefined {
  return typeof json === "string" && json !== "" ? json : undefined;
}

function decodeAsset(fields: { [name: string]: Json }): Asset {
  const hash = text(fields["hash"]) ?? "";
  const path = text(fields["path"]);
  const uri = text(fields["uri"]);
  if (path !== undefined) return new Asset(hash, { path });
  if (uri !== undefined) return new Asset(hash, { uri });
  return new Asset(hash, { text: text(fields["text"]) ?? "" });
}

function decodeArchive(fields: { [name: string]: Json }): Archive {
  const hash = text(fields["hash"]) ?? "";
  const path = text(fields["path"]);
  const uri = text(fields["uri"]);
  if (path !== undefined) return new Archive(hash, { path });
  if (uri !== undefined) return new Archive(hash, { uri });
  const assets = decode(fields["assets"] ?? {});
  return new Archive(hash, { assets: isMap(assets) ? assets : {} });
}

function encode(value: PropertyValue): Json {
  if (value instanceof Unknown) return unknownText;
  if (value instanceof Secret) return { [signatureKey]: secretSignature, value: encode(value.value) };
  if (value instanceof Asset) return { [signatureKey]: assetSignature, hash: value.hash, ...value.content };
  if (value instanceof Archive) {
    const content =
      "assets" in value.content
        ? { assets: encode(value.content.assets) }
        : (value.content as { [name: string]: Json });
    return { [signatureKey]: archiveSignature, hash: value.hash, ...content };
  }
  if (Array.isArray(value)) return value.map(encode);
  if (isMap(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, encode(member)]));
  }
  return value as Json;
}
