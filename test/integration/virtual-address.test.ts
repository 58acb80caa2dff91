import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { haproxyMissing } from "./haproxy-process.ts";
import { type EntryHost, EntryHosts } from "./support/entry-hosts.ts";

/** Patient: two checks of a second each and three adverts of a second each take five. */
const withinMs = 60_000;

describe.skipIf(haproxyMissing !== undefined)(`the virtual address of a region ${haproxyMissing ?? ""}`, () => {
  let hosts: EntryHosts;
  let holder: EntryHost;
  let other: EntryHost;

  beforeAll(async () => {
    hosts = await EntryHosts.start();
  });
  afterAll(() => hosts.stop());

  const isHeldBy = (...names: readonly EntryHost[]) =>
    eventually(
      () =>
        `the address is held by ${names.map(({ host }) => host.name)}; ${hosts.all.map(({ output }) => output).join("")}`,
      withinMs,
      async () => JSON.stringify(await hosts.holders()) === JSON.stringify(names.map(({ host }) => host.name)),
    );

  const answers = (status: number) =>
    eventually(`the address answers ${status}`, withinMs, async () => (await hosts.status()) === status);

  /** Both routers open, and one of the hosts holds the address. */
  beforeEach(async () => {
    for (const host of hosts.all) await host.setOpen(true);
    await eventually("one host holds the address", withinMs, async () => (await hosts.holders()).length === 1);
    const [name] = await hosts.holders();
    [holder, other] = name === hosts.first.host.name ? [hosts.first, hosts.second] : [hosts.second, hosts.first];
  });

  test("is held by one host, whose entry answers there with a certificate that names it", async () => {
    // No Elasticsearch is behind these entries: HAProxy itself answers.
    await answers(503);
    for (const { output } of hosts.all) expect(output).not.toMatch(/insecure|unsafe|not executable|disabling/i);
  });

  test("moves to the host whose router is open, and does not move back when the other one opens again", async () => {
    await holder.setOpen(false);
    await isHeldBy(other);
    await answers(503);
    await holder.setOpen(true);
    await holder.findsRouter("open");
    // A better host takes the address at the first advert of a worse one: a second failure shows that none has come.
    const moved = holder.output.length;
    await other.setOpen(false);
    await isHeldBy(holder);
    expect(holder.output.slice(moved).match(/Entering MASTER STATE/g)).toHaveLength(1);
  });

  test("stays while every router is closed, so that clients get an answer and do not wait", async () => {
    for (const host of hosts.all) await host.setOpen(false);
    for (const host of hosts.all) await host.findsRouter("closed");
    expect(await hosts.holders()).toHaveLength(1);
    expect(await hosts.status()).toBe(503);
  });

  test("moves when HAProxy ends", async () => {
    await holder.signal("haproxy", "SIGKILL");
    await isHeldBy(other);
    await answers(503);
    await holder.startHaproxy();
  });

  test("moves when HAProxy hangs, although the kernel still accepts its connections", async () => {
    await holder.signal("haproxy", "SIGSTOP");
    await isHeldBy(other);
    await answers(503);
    await holder.signal("haproxy", "SIGCONT");
  });

  test("moves when keepalived itself is killed, and leaves no address behind", async () => {
    await holder.signal("keepalived", "SIGKILL");
    await isHeldBy(other);
    await answers(503);
    holder.startKeepalived();
  });

  test("moves when the host is cut off, and one host holds it when it is back", async () => {
    await holder.unplug();
    await eventually("the other host holds the address", withinMs, () => other.holds());
    await answers(503);
    await holder.plug();
    await eventually("one host holds the address", withinMs, async () => (await hosts.holders()).length === 1);
    await answers(503);
  });

  test("comes back when another program takes it from the interface", async () => {
    await holder.loseAddress();
    await eventually("one host holds the address", withinMs, async () => (await hosts.holders()).length === 1);
    await answers(503);
  });
});
