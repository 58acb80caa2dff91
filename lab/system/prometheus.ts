import { z } from "zod";
import { prometheusAddress } from "../../infra/monitoring/prometheus-files.ts";
import type { SystemHosts } from "./hosts.ts";

const witness = "witness-1";

const answerSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]).readonly() }),
    ),
  }),
});

/** What a query finds now. */
export interface Found {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The Prometheus that provisioning installed on the witness, asked there, as it listens on loopback alone. */
export class WitnessPrometheus {
  readonly #hosts: SystemHosts;

  constructor(hosts: SystemHosts) {
    this.#hosts = hosts;
  }

  /** @throws Error when Prometheus does not answer, or refuses the expression */
  async query(expression: string): Promise<readonly Found[]> {
    const call = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "10", "--get"];
    const { exitCode, stdout, stderr } = await this.#hosts.run(witness, [
      ...[...call, "--data-urlencode", `query=${expression}`],
      `http://${prometheusAddress}/api/v1/query`,
    ]);
    if (exitCode !== 0) throw new Error(`Prometheus does not answer ${expression}: ${stderr}${stdout}`);
    return answerSchema
      .parse(JSON.parse(stdout))
      .data.result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
  }
}
