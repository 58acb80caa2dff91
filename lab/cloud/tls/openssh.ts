import { createHash, type KeyObject, randomBytes } from "node:crypto";

/** OpenSSH's key formats (PROTOCOL.key and RFC 4253, 5656, 8709), which Node cannot write. */

const curveNames: Readonly<Record<string, string>> = { "P-256": "nistp256", "P-384": "nistp384", "P-521": "nistp521" };

function field(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A non-negative integer in the fewest bytes, with a leading zero byte if its first bit is set. */
function integer(base64url: string | undefined): Buffer {
  const bytes = decoded(base64url);
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const trimmed = bytes.subarray(start);
  return field((trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed);
}

function decoded(base64url: string | undefined): Buffer {
  return Buffer.from(base64url ?? "", "base64url");
}

interface KeyParts {
  readonly algorithm: string;
  /** Public key blob. */
  readonly publicBlob: Buffer;
  /** The fields after the algorithm name in the private section. */
  readonly privateFields: Buffer;
}

/** The parts of a private key; undefined for a kind of key that OpenSSH lacks (P-224). */
function keyParts(key: KeyObject): KeyParts | undefined {
  const jwk = key.export({ format: "jwk" });
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") {
    const seed = decoded(jwk.d);
    const publicKey = decoded(jwk.x);
    return {
      algorithm: "ssh-ed25519",
      publicBlob: Buffer.concat([field("ssh-ed25519"), field(publicKey)]),
      privateFields: Buffer.concat([field(publicKey), field(Buffer.concat([seed, publicKey]))]),
    };
  }
  if (jwk.kty === "RSA") {
    return {
      algorithm: "ssh-rsa",
      publicBlob: Buffer.concat([field("ssh-rsa"), integer(jwk.e), integer(jwk.n)]),
      privateFields: Buffer.concat([jwk.n, jwk.e, jwk.d, jwk.qi, jwk.p, jwk.q].map(integer)),
    };
  }
  const curve = curveNames[jwk.crv ?? ""];
  if (curve === undefined) return undefined;
  const algorithm = `ecdsa-sha2-${curve}`;
  const point = field(Buffer.concat([Buffer.of(4), decoded(jwk.x), decoded(jwk.y)]));
  return {
    algorithm,
    publicBlob: Buffer.concat([field(algorithm), field(curve), point]),
    privateFields: Buffer.concat([field(curve), point, integer(jwk.d)]),
  };
}

export interface OpensshKey {
  readonly privateKey: string;
  /** Line of authorized_keys, with its newline. */
  readonly publicKey: string;
  readonly fingerprintMd5: string;
  readonly fingerprintSha256: string;
}

/** A private key in OpenSSH's formats; undefined for a kind of key that OpenSSH lacks. */
export function opensshKey(key: KeyObject): OpensshKey | undefined {
  const parts = keyParts(key);
  if (parts === undefined) return undefined;
  const md5 = createHash("md5").update(parts.publicBlob).digest("hex");
  const sha256 = createHash("sha256").update(parts.publicBlob).digest("base64").replace(/=+$/, "");
  return {
    privateKey: privateKeyFile(parts),
    publicKey: `${parts.algorithm} ${parts.publicBlob.toString("base64")}\n`,
    fingerprintMd5: (md5.match(/../g) ?? []).join(":"),
    fingerprintSha256: `SHA256:${sha256}`,
  };
}

function privateKeyFile({ algorithm, publicBlob, privateFields }: KeyParts): string {
  const checkNumber = randomBytes(4);
  const comment = field("");
  const content = Buffer.concat([checkNumber, checkNumber, field(algorithm), privateFields, comment]);
  const blockBytes = 8;
  const padding = Buffer.from(
    Array.from({ length: (blockBytes - (content.length % blockBytes)) % blockBytes }, (_, index) => index + 1),
  );
  const numberOfKeys = Buffer.of(0, 0, 0, 1);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    numberOfKeys,
    field(publicBlob),
    field(Buffer.concat([content, padding])),
  ]);
  const lines = file.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
