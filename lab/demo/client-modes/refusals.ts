/** An answer for which a program gave documents up. */
export interface Refusal {
  /** HTTP status and Elasticsearch's name of the reason; "no answer" where none came. */
  readonly answer: string;
  /** Number of documents. */
  readonly times: number;
}

/** The different answers in a log of escluster-demo, in the order of their first occurrence. */
export function refusalsIn(log: string): readonly Refusal[] {
  const times = new Map<string, number>();
  for (const line of log.split("\n")) {
    if (!/^escluster-demo: document \d+: /.test(line)) continue;
    const answer = answerIn(line);
    times.set(answer, (times.get(answer) ?? 0) + 1);
  }
  return [...times].map(([answer, count]) => ({ answer, times: count }));
}

function answerIn(line: string): string {
  const status = /: status (\d{3}) /.exec(line)?.[1];
  if (status === undefined) return "no answer";
  const reason = /"type":"(\w+)"/.exec(line)?.[1];
  return reason === undefined ? status : `${status} ${reason}`;
}
