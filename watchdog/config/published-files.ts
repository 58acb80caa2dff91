import { z } from "zod";
import { endpointFields, layoutViolation } from "./file-layout.ts";
import { absolutePath, durationMs, text } from "./values.ts";

/** What the publisher writes for applications, and how it notifies them. */

export const printable = text(/^[\x21-\x7e]{1,128}$/, "1 to 128 printable characters without spaces");

const program = z.tuple([absolutePath], z.string());

const notify = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none").describe("`none`: the application watches the file.") }),
    z
      .strictObject({
        kind: z.literal("pid-file").describe("`pid-file`: SIGHUP to a process that matches and handles the signal."),
        pidFile: absolutePath.describe("File that holds the PID."),
        executable: absolutePath
          .nullable()
          .default(null)
          .describe("The program that must run under that PID, links resolved: `/usr/sbin/orders`."),
        processName: z
          .string("write a process name")
          .min(1, "write a process name")
          .max(15, "write at most 15 characters: the kernel keeps no more")
          .nullable()
          .default(null)
          .describe("Its name in `/proc/PID/comm`: for scripts, whose executable is an interpreter."),
      })
      .refine(({ executable, processName }) => executable !== null || processName !== null, {
        message: "add executable or processName: a PID file may point to another process",
      }),
    z.strictObject({
      kind: z.literal("unit").describe("`unit`: through systemd."),
      unit: text(/^[A-Za-z0-9@._:\\-]+\.service$/, "a service's full name, such as orders.service").describe(
        "The application's unit.",
      ),
      action: z
        .enum(["reload", "kill", "restart"])
        .default("reload")
        .describe(
          "`reload`: `systemctl reload`; `kill`: SIGHUP to the unit's main process, if that handles the signal; " +
            "`restart`: `systemctl restart`, for a program that reads its file only when it starts.",
        ),
      timeoutMs: durationMs.default(30_000).describe("Bound on the action."),
    }),
    z.strictObject({
      kind: z.literal("command").describe("`command`: a program."),
      command: program.describe(
        "Program and arguments, run without a shell. The endpoint is in its environment, as in an env file.",
      ),
      timeoutMs: durationMs.default(30_000).describe("Bound on the program; then it is killed."),
      confirms: z
        .boolean()
        .default(false)
        .describe(
          "Whether its success means that the application uses the endpoint, and not only that it was notified.",
        ),
    }),
  ])
  .prefault({ kind: "none" })
  .describe("How the application is notified that its file has changed.");

const validate = z
  .strictObject({
    command: program
      .refine((words) => words.slice(1).some((word) => word.includes("{}")), {
        message: "write {} where the path of the new file belongs",
      })
      .describe(
        'Program and arguments, run without a shell; `{}` is the path of the new file: `["/usr/sbin/rsyslogd", "-N1", "-f", "{}"]`.',
      ),
    timeoutMs: durationMs.default(10_000).describe("Bound on the program; then it is killed."),
  })
  .nullable()
  .default(null)
  .describe(
    "A program that checks the new content before it replaces the file; where it fails, the file stays as it is.",
  );

/** What files with an endpoint inside and files made from a template have in common. */
const published = {
  caPath: absolutePath
    .nullable()
    .default(null)
    .describe("CA file for the application, by its path on this host, written into the file; `null`: none is written."),
  backup: z.boolean().default(true).describe("Whether the previous content is kept as `<file>.bak`."),
  validate,
  notify,
  application: printable
    .nullable()
    .default(null)
    .describe(
      "Name under which the publisher acknowledges the epoch after the notification; `null`: no acknowledgement.",
    ),
};

const mode = text(/^0[0-7]{3}$/, "four octal digits, such as 0644").default("0644");

const keyName = text(/^[A-Za-z_][A-Za-z0-9_.@/ -]{0,127}$/, "a key of letters, digits, spaces and _.@/-");
const key = keyName.nullable().default(null);

const keys = z
  .strictObject({
    host: key.describe("Key of the host; `null`: `Host`, `HOST`, `host`."),
    port: key.describe("Key of the port; `null`: `Port`, `PORT`, `port`."),
    region: key.describe("Key of the region's name; `null`: `Region`, `REGION`, `region`."),
    caPath: key.describe("Key of the CA file's path; `null`: `CaPath`, `CA_PATH`, `caPath`."),
    epoch: key.describe("Key of the epoch; `null`: `Epoch`, `EPOCH`, `epoch`."),
  })
  .prefault({})
  .describe("Names of the keys; `null`: the one of the format (ini, env, json).");

const url = z
  .strictObject({
    key: keyName.describe("Key of the URL."),
    scheme: z.enum(["https", "http"]).default("https").describe("Scheme of the URL."),
    path: text(/^(\/[^\s"'\\\p{Cc}]*)?$/u, "a path that begins with a slash, or nothing")
      .default("")
      .describe("What follows host and port."),
  })
  .nullable()
  .default(null)
  .describe("A key with host and port as a URL, such as `https://192.168.2.101:9200`; `null`: none.");

export const endpointFile = z
  .strictObject({
    path: absolutePath.describe("The file."),
    format: z.enum(["ini", "env", "json"]).default("ini").describe("Format of the file."),
    section: text(/^[A-Za-z0-9_.:@/ -]{0,128}$/, "a name of letters, digits, spaces and _.:@/-, or nothing")
      .nullable()
      .default(null)
      .describe(
        "ini: the section; json: the object, by its path (`output.elasticsearch`); env: the prefix of the variables. Empty: " +
          "the top of the file. `null`: `Elasticsearch`, `elasticsearch`, `ELASTICSEARCH_`.",
      ),
    keys,
    omit: z
      .array(z.enum(endpointFields))
      .default([])
      .describe("What is not written: for a program that refuses a key which it does not know."),
    url,
    create: z
      .boolean()
      .default(false)
      .describe("Whether the section is added to a file that has other content and not the section."),
    mode: mode.describe("Permissions of a new file. An existing file keeps its mode and owner."),
    ...published,
  })
  .refine(({ omit, url: written }) => written !== null || !(omit.includes("host") && omit.includes("port")), {
    message: "omits host and port without a url: the file would name no address",
  })
  .superRefine((settings, context) => {
    const message = layoutViolation(settings.format, settings);
    if (message !== null) context.addIssue({ code: "custom", message });
  });

const account = text(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/, "the name or number of an account")
  .nullable()
  .default(null);

export const templateFile = z.strictObject({
  source: absolutePath.describe("The template."),
  destination: absolutePath.describe("The file that is made from it. All of its content is the template's."),
  mode: mode.describe("Permissions of the file."),
  owner: account.describe(
    "Its owner, by name or number; `null`: the owner of the file before, or the publisher's user.",
  ),
  group: account.describe("Its group, by name or number; `null`: the group of the file before, or the publisher's."),
  ...published,
});

export type EndpointFileSettings = z.output<typeof endpointFile>;
export type TemplateSettings = z.output<typeof templateFile>;
export type NotifySettings = EndpointFileSettings["notify"];
export type ValidateSettings = NonNullable<EndpointFileSettings["validate"]>;
