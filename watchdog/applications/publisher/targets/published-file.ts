import type {
  EndpointFileSettings,
  NotifySettings,
  TemplateSettings,
  ValidateSettings,
} from "../../../config/published-files.ts";
import { accountId } from "../../../util/account-id.ts";
import { runProgram } from "../../../util/run-program.ts";
import type { FileEndpoint } from "../../formats/format.ts";
import { endpointEnvironment } from "../notify/command.ts";
import { attributesOf, type FileAttributes, type ReadFile } from "../replace-file.ts";
import { type FileContent, formatContent, templateContent } from "./content.ts";

/** A file to publish to, whatever its content is made of. */
export interface PublishedFile {
  readonly path: string;
  readonly content: FileContent;
  /** Mode and owner that the file is to have. */
  readonly attributes: (current: ReadFile) => Promise<FileAttributes>;
  readonly caPath: string | null;
  readonly backup: boolean;
  readonly validate: ValidateSettings | null;
  readonly notify: NotifySettings;
  readonly application: string | null;
}

/** An existing file keeps its mode and owner. */
export function fileWithEndpoint(settings: EndpointFileSettings): PublishedFile {
  const fallback = { mode: modeOf(settings) };
  return {
    ...settings,
    content: formatContent(settings),
    attributes: (current) => Promise.resolve(attributesOf(current, fallback)),
  };
}

export function fileFromTemplate(settings: TemplateSettings): PublishedFile {
  return {
    ...settings,
    path: settings.destination,
    content: templateContent(settings),
    attributes: async (current) => {
      const { uid, gid } = attributesOf(current, { mode: 0 });
      return {
        mode: modeOf(settings),
        uid: (await accountId("passwd", settings.owner)) ?? uid,
        gid: (await accountId("group", settings.group)) ?? gid,
      };
    },
  };
}

const modeOf = ({ mode }: { readonly mode: string }) => Number.parseInt(mode, 8);

/** @throws Error with the program's output */
export async function validateFile(
  { command: [program, ...args], timeoutMs }: ValidateSettings,
  { temporary, file, endpoint }: { readonly temporary: string; readonly file: string; readonly endpoint: FileEndpoint },
): Promise<void> {
  const words = args.map((word) => word.replaceAll("{}", temporary));
  await runProgram({ command: [program, ...words], timeoutMs, env: endpointEnvironment(file, endpoint) });
}
