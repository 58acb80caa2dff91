import { z } from "zod";
import { snapshotMaxAgeMs } from "../../watchdog/config/snapshots.ts";
import { count, text } from "../../watchdog/config/values.ts";

const anExample = '{"bucket": "es-backup", "endpoint": "s3.rbx.io.cloud.ovh.net", "region": "rbx"}';

/** The stack's key `snapshots`. */
export const snapshotsSchema = z
  .strictObject(
    {
      bucket: text(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "the name of a bucket, such as es-backup").describe(
        "The bucket, which exists already. One that is neither in gra's nor in bhs's OVHcloud region survives both.",
      ),
      endpoint: text(
        /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/,
        "a host's name, such as s3.rbx.io.cloud.ovh.net",
      ).describe("Host of the object storage's S3 API. It is asked by TLS."),
      region: text(/^[a-z0-9-]{2,30}$/, "the region's name in lower case, such as rbx").describe(
        "Region of the object storage, by which requests are signed.",
      ),
      basePath: text(/^[a-z0-9][a-z0-9/_-]{0,100}[a-z0-9]$/, "a path, such as es-failover")
        .default("es-failover")
        .describe(
          "Path in the bucket, below which each region has its own: two clusters that write to one path destroy it.",
        ),
      schedule: text(/^(\S+ ){5,6}\S+$/, 'a cron expression of Elasticsearch, such as "0 30 1 * * ?"')
        .default("0 30 1 * * ?")
        .describe("When each region takes a snapshot, in UTC: seconds, minutes, hours, day, month, weekday."),
      expireAfter: text(/^[1-9]\d*[dh]$/, 'a time such as "30d"')
        .default("30d")
        .describe("How long a snapshot is kept."),
      minCount: count(1).default(5).describe("How many are kept even when they are older."),
      maxCount: count(1).default(100).describe("How many are kept at most. At least `minCount`."),
      conditionalWrites: z
        .boolean()
        .default(true)
        .describe(
          "`false`: the object storage refuses conditional writes, by which Elasticsearch notices a second writer in a repository.",
        ),
      maxAgeMs: snapshotMaxAgeMs,
    },
    `write the bucket, the endpoint and the region, such as ${anExample}`,
  )
  .nullable()
  .default(null)
  .describe(
    "Snapshots of both regions in S3-compatible object storage; `none`: there are none. See docs/snapshots.md.",
  );
