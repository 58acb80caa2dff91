import { expect, onTestFinished, test } from "vitest";
import { createTestAuthority } from "../../lab/elasticsearch/certificates.ts";
import { closeAtOnce, createServer, listenOn } from "../../watchdog/util/http-server.ts";
import { type Live, LiveCell } from "../../watchdog/util/live.ts";

test("a server waits for renewed certificates while it listens, and not where its port is taken", async () => {
  const { certificate: cert, key } = await (await createTestAuthority("a test")).issue("here", { ips: [], hosts: [] });
  const cell = new LiveCell({ cert, key });
  let listeners = 0;
  const counted: Live<{ cert: string; key: string }> = {
    current: cell.current,
    map: (convert) => cell.map(convert),
    listen: (listener) => {
      const end = cell.listen(listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        end();
      };
    },
  };
  const create = () => createServer(counted, {}, (_, response) => void response.end());
  const server = create();
  onTestFinished(() => closeAtOnce(server));
  const port = await listenOn(server, "127.0.0.1:0", "a test");
  expect(listeners).toBe(1);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(listenOn(create(), `127.0.0.1:${port}`, "a test")).rejects.toThrow(/cannot listen on/);
  }
  expect(listeners).toBe(1);
  await closeAtOnce(server);
  expect(listeners).toBe(0);
});
