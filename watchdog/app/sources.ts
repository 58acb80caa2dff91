import { readFile } from "node:fs/promises";
import { apiKeyAuthorization, basicAuthorization } from "../adapters/elasticsearch/authorizations.ts";
import type { NodeAccess } from "../adapters/elasticsearch/node-client.ts";
import type { EtcdCredentials } from "../adapters/etcd/token.ts";
import type { EtcdTls } from "../adapters/etcd/transport.ts";
import {
  keyPairViolations,
  readCa,
  readCredentials,
  readSecret,
  readSecrets,
  refuseAny,
  type Secrets,
} from "../config/files.ts";
import type { Credentials, RegionAccess } from "../config/region-access.ts";
import type { ListenerTls } from "../util/http-server.ts";
import type { Source } from "./renewals.ts";

/** What connections are made with: certificates, CAs and passwords, each with the checks that loading applies to them. */

interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** CA and credentials of a server of Elasticsearch's API. */
export function accessSource(
  section: string,
  { credentials, ca }: Pick<RegionAccess, "credentials" | "ca">,
): Source<NodeAccess> {
  return {
    section,
    files: [...(ca === null ? [] : [ca.file]), credentials.secret.file],
    read: async () => nodeAccess(credentials, await readCredentials(credentials), await readNodeCa(ca)),
  };
}

/** What requests to a region's nodes are made with. */
export function nodeAccess(credentials: Credentials, secrets: Secrets, ca: string | null): NodeAccess {
  const authorization = (secret: string): string =>
    credentials.kind === "api-key" ? apiKeyAuthorization(secret) : basicAuthorization(credentials.username, secret);
  const [first, ...others] = secrets;
  return { ca, authorizations: [authorization(first), ...others.map(authorization)] };
}

/** @throws Error that names the key and what is wrong with the file */
export const readNodeCa = async (ca: RegionAccess["ca"]): Promise<string | null> =>
  ca === null ? null : readCa(ca.key, ca.file);

/** A certificate for both sides of a connection, and the CA of the other side's. */
export function mutualTlsSource(
  section: string,
  { caFile, ...own }: CertificateFiles & { readonly caFile: string },
): Source<EtcdTls> {
  return {
    section,
    files: [caFile, own.certificateFile, own.keyFile],
    read: async () => {
      const { cert, key } = await readKeyPair(section, own);
      return { ca: await readCa(`${section}.caFile`, caFile), certificate: cert, key };
    },
  };
}

export function serverTlsSource(section: string, own: CertificateFiles): Source<{ cert: string; key: string }> {
  return { section, files: [own.certificateFile, own.keyFile], read: () => readKeyPair(section, own) };
}

/** A server's certificate, and the CA of the clients that it answers. */
export function listenerTlsSource(
  section: string,
  { clientCaFile, ...own }: CertificateFiles & { readonly clientCaFile: string | null },
  caKey = `${section}.clientCaFile`,
): Source<ListenerTls> {
  return {
    section,
    files: [own.certificateFile, own.keyFile, ...(clientCaFile === null ? [] : [clientCaFile])],
    read: async () => {
      const clientCa = clientCaFile === null ? null : await readCa(caKey, clientCaFile);
      return { ...(await readKeyPair(section, own)), clientCa };
    },
  };
}

export function credentialsSource(
  section: string,
  { username, passwordFile }: { readonly username: string; readonly passwordFile: string },
): Source<EtcdCredentials> {
  const read = async () => {
    const [password, ...others] = await readSecrets(`${section}.passwordFile`, passwordFile);
    return { username, password, others };
  };
  return { section, files: [passwordFile], read };
}

export function caSource(section: string, caFile: string | null): Source<{ readonly ca: string | null }> {
  if (caFile === null) return { section, files: [], read: () => Promise.resolve({ ca: null }) };
  return { section, files: [caFile], read: async () => ({ ca: await readCa(`${section}.caFile`, caFile) }) };
}

export function secretSource(key: string, file: string): Source<string> {
  return { section: key, files: [file], read: () => readSecret(key, file) };
}

/** A password, and during a rotation the other one that is valid too. */
export function passwordsSource(section: string, key: string, file: string): Source<Secrets> {
  return { section, files: [file], read: () => readSecrets(key, file) };
}

async function readKeyPair(section: string, { certificateFile, keyFile }: CertificateFiles) {
  refuseAny(await keyPairViolations(section, { certificateFile, keyFile }));
  const [cert, key] = await Promise.all([readFile(certificateFile, "utf8"), readFile(keyFile, "utf8")]);
  return { cert, key };
}
