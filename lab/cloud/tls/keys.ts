import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, webcrypto } from "node:crypto";
import { promisify } from "node:util";

const generate = promisify(generateKeyPair);

export const keyAlgorithms = ["RSA", "ECDSA", "ED25519"] as const;
export type KeyAlgorithm = (typeof keyAlgorithms)[number];

/** Curves that the lab serves, by their names in the tls package; without its default P224, which WebCrypto and OpenSSH lack. */
export const curves: Readonly<Record<string, string>> = { P256: "P-256", P384: "P-384", P521: "P-521" };

export async function generatePrivateKey(
  algorithm: KeyAlgorithm,
  options: { readonly rsaBits: number; readonly curve: string },
): Promise<KeyObject> {
  switch (algorithm) {
    case "RSA":
      return (await generate("rsa", { modulusLength: options.rsaBits })).privateKey;
    case "ECDSA":
      return (await generate("ec", { namedCurve: curves[options.curve] ?? options.curve })).privateKey;
    case "ED25519":
      return (await generate("ed25519")).privateKey;
    default:
      return algorithm satisfies never;
  }
}

/** Reads a PEM private key (PKCS#1, SEC 1 or PKCS#8). @param property input that the error names */
export function readPrivateKey(pem: string, property: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error(`${property} is not a private key in PEM format (unencrypted PKCS#1, SEC 1 or PKCS#8)`);
  }
}

export function algorithmOf(key: KeyObject): KeyAlgorithm {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return "RSA";
    case "ec":
      return "ECDSA";
    case "ed25519":
      return "ED25519";
    default:
      throw new Error(`Keys of type ${key.asymmetricKeyType} are not served; use ${keyAlgorithms.join(", ")}`);
  }
}

/** PEM in the tls package's formats: PKCS#1 for RSA, SEC 1 for ECDSA, PKCS#8 for Ed25519. */
export function privateKeyPem(key: KeyObject): string {
  const types = { RSA: "pkcs1", ECDSA: "sec1", ED25519: "pkcs8" } as const;
  return key.export({ format: "pem", type: types[algorithmOf(key)] }).toString();
}

export interface SigningKey {
  readonly pair: webcrypto.CryptoKeyPair;
  readonly signing: { readonly name: string; readonly hash?: string };
}

/** The key for WebCrypto, with the signature algorithm that Go, and so the tls package, uses for it. */
export async function signingKey(key: KeyObject): Promise<SigningKey> {
  const { parameters, signing } = webcryptoAlgorithm(key);
  const { subtle } = webcrypto;
  const pkcs8 = key.export({ format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const [privateKey, publicKey] = await Promise.all([
    subtle.importKey("pkcs8", pkcs8, parameters, false, ["sign"]),
    subtle.importKey("spki", spki, parameters, true, ["verify"]),
  ]);
  return { pair: { privateKey, publicKey }, signing };
}

function webcryptoAlgorithm(key: KeyObject) {
  const algorithm = algorithmOf(key);
  switch (algorithm) {
    case "RSA": {
      const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
      return { parameters: rsa, signing: rsa };
    }
    case "ECDSA": {
      const namedCurve = key.export({ format: "jwk" }).crv ?? "";
      const hashes: Readonly<Record<string, string>> = { "P-256": "SHA-256", "P-384": "SHA-384", "P-521": "SHA-512" };
      const hash = hashes[namedCurve];
      if (hash === undefined) throw new Error(`ECDSA keys on the curve ${namedCurve} are not served`);
      return { parameters: { name: "ECDSA", namedCurve }, signing: { name: "ECDSA", hash } };
    }
    case "ED25519":
      return { parameters: { name: "Ed25519" }, signing: { name: "Ed25519" } };
    default:
      return algorithm satisfies never;
  }
}
