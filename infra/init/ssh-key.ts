import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";

export interface SshKeyPair {
  /** One line, as in authorized_keys. */
  readonly publicKey: string;
  /** In OpenSSH's own format, the only format of Ed25519 keys that every SSH client reads. */
  readonly privateKey: string;
}

const keyType = "ssh-ed25519";
/** OpenSSH pads an unencrypted key to a multiple of this length, bytes. */
const blockLength = 8;

/** A new Ed25519 key pair without a passphrase. */
export function createSshKeyPair(comment: string): SshKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const point = rawKey(publicKey, "x");
  const seed = rawKey(privateKey, "d");
  const publicBlob = Buffer.concat([field(keyType), field(point)]);
  return {
    publicKey: `${keyType} ${publicBlob.toString("base64")} ${comment}`,
    privateKey: opensshPrivateKey(publicBlob, point, seed, comment),
  };
}

/** Layout of OpenSSH's PROTOCOL.key: a plain header, then the private part with check numbers and padding. */
function opensshPrivateKey(publicBlob: Buffer, point: Buffer, seed: Buffer, comment: string): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    field(keyType),
    field(point),
    field(Buffer.concat([seed, point])),
    field(comment),
  ]);
  const paddingLength = (blockLength - (secret.length % blockLength)) % blockLength;
  const padding = Buffer.from(Array.from({ length: paddingLength }, (_, index) => index + 1));
  const whole = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    uint32(1),
    field(publicBlob),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = whole.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

function rawKey(key: KeyObject, part: "x" | "d"): Buffer {
  const value = key.export({ format: "jwk" })[part];
  if (value === undefined) throw new Error(`The key has no part ${part}`);
  return Buffer.from(value, "base64url");
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
