import { expect, test } from "vitest";
import { answersSchema, withCredentials } from "../../watchdog/adoption/answers.ts";
import { askAnswers } from "../../watchdog/cli/init/questions.ts";

/** Answers by the question that they are to; for a question that is not listed, its default. */
const asking = (answers: readonly (readonly [question: RegExp, answer: string])[]) => ({
  text: async (question: string, byDefault?: string) => {
    const answer = answers.find(([pattern]) => pattern.test(question))?.[1] ?? byDefault;
    if (answer === undefined) throw new Error(`no answer to "${question}"`);
    return answer;
  },
  secret: async (question: string) => {
    throw new Error(`the answers hold no secret: "${question}"`);
  },
});

const clusters = [
  [/first region/, "paris"],
  [/second region/, "montreal"],
  [/nodes of paris, sep/, "https://es-1.paris:9200, https://es-2.paris:9200"],
  [/nodes of montreal, sep/, "https://es-1.montreal:9200"],
  [/to replicate/, "orders* logs-app*"],
] as const;

test("the answers to few questions are answers, with defaults for the rest", async () => {
  const answers = await askAnswers(asking(clusters));
  expect(answersSchema.safeParse(withCredentials(answers)).success).toBe(true);
  expect(answers).toMatchObject({
    site: "paris",
    regions: {
      paris: { nodes: ["https://es-1.paris:9200", "https://es-2.paris:9200"], caFile: "/etc/es-failover/paris-ca.crt" },
      montreal: { admin: { username: "elastic" } },
    },
    replication: { patterns: ["orders*", "logs-app*"] },
    store: { kind: "file" },
    entry: { username: "haproxy-check" },
  });
  expect(answers.replication.exclusions).toBeUndefined();
});

test("the witness has no router, and shares etcd with the others", async () => {
  const answers = await askAnswers(
    asking([
      ...clusters,
      [/Site of this host/, "witness"],
      [/etcd, the nearest/, "https://10.0.3.20:2379 https://10.0.1.20:2379"],
      [/other watchdogs reach/, "10.0.3.20:9443"],
    ]),
  );
  expect(answersSchema.safeParse(withCredentials(answers)).success).toBe(true);
  expect(answers).toMatchObject({
    router: null,
    store: { kind: "etcd", endpoints: ["https://10.0.3.20:2379", "https://10.0.1.20:2379"] },
    failsafe: { listen: "10.0.3.20:9443", url: "https://10.0.3.20:9443" },
  });
  expect(answers.entry).toBeUndefined();
});

test("plain http is accepted by its word alone", async () => {
  const plain = clusters.map(([question, answer]) => [question, answer.replaceAll("https:", "http:")] as const);
  await expect(askAnswers(asking(plain))).rejects.toThrow("write https URLs");
  const accepted = await askAnswers(asking([[/Type plain/, "plain"], ...plain]));
  expect(accepted.regions["paris"]).toMatchObject({ plainHttp: true });
  expect(accepted.regions["paris"]).not.toHaveProperty("caFile");
});
