import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { cachedDirectory } from "../../../watchdog/util/cache.ts";
import { run } from "../../util/run.ts";

export const signingKeyCache = "apt-signing-key";
export const signingKeyVersion = "ed25519-1";
const userId = "es-failover lab apt repository";

/** The key of the lab's apt repository, generated once per machine. */
export interface SigningKey {
  /** 40 hexadecimal digits. */
  readonly fingerprint: string;
  /** ASCII-armoured. */
  readonly publicKey: string;
  /** Wraps a text in a signature, as in `InRelease`. */
  clearSign(text: string): Promise<string>;
}

export async function signingKey(): Promise<SigningKey> {
  const directory = await cachedDirectory(signingKeyCache, signingKeyVersion, generate);
  const [fingerprint, publicKey] = await Promise.all([
    readFile(path.join(directory, "fingerprint"), "utf8"),
    readFile(path.join(directory, "public.asc"), "utf8"),
  ]);
  return {
    fingerprint: fingerprint.trim(),
    publicKey,
    clearSign: (text) =>
      withGpg(async (gpg) => {
        await gpg(["--import", path.join(directory, "secret.asc")]);
        return gpg(["--digest-algo", "SHA512", "--clear-sign"], text);
      }),
  };
}

async function generate(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  await withGpg(async (gpg) => {
    await gpg(["--quick-generate-key", userId, "ed25519", "sign", "never"]);
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(await gpg(["--with-colons", "--list-keys"]))?.[1];
    if (fingerprint === undefined) throw new Error("gpg does not list the key that it generated");
    await writeFile(path.join(directory, "fingerprint"), `${fingerprint}\n`);
    await writeFile(path.join(directory, "public.asc"), await gpg(["--armor", "--export"]));
    await writeFile(path.join(directory, "secret.asc"), await gpg(["--armor", "--export-secret-keys"]), {
      mode: 0o600,
    });
  });
}

type Gpg = (args: readonly string[], input?: string) => Promise<string>;

/** Runs gpg with its own home, and ends its agent. */
async function withGpg<T>(work: (gpg: Gpg) => Promise<T>): Promise<T> {
  // Short: the agent's socket is in it, whose path may have at most 107 bytes.
  const home = await mkdtemp(path.join(tmpdir(), "gpg-"));
  const options = [
    "--homedir",
    home,
    "--batch",
    "--quiet",
    "--no-tty",
    "--pinentry-mode",
    "loopback",
    "--passphrase",
    "",
  ];
  try {
    return await work((args, input) => run("gpg", [...options, ...args], input === undefined ? {} : { input }));
  } finally {
    await run("gpgconf", ["--homedir", home, "--kill", "all"]);
    await rm(home, { recursive: true });
  }
}
