import { type FileLayout, fileLayout } from "../../../config/file-layout.ts";
import type { EndpointFileSettings, TemplateSettings } from "../../../config/published-files.ts";
import { envFormat } from "../../formats/env.ts";
import type { EndpointFormat, FileEndpoint, FoundEndpoint, Rendered } from "../../formats/format.ts";
import { iniFormat } from "../../formats/ini.ts";
import { jsonFormat } from "../../formats/json.ts";
import { renderTemplate } from "../template.ts";

/** How the text of a file follows from the endpoint. Texts are latin1, one character per byte. */
export interface FileContent {
  /** Whether the text has the epoch, so that an older one cannot replace it. */
  readonly hasEpoch: boolean;
  /** null: the endpoint cannot be read from the text. */
  read(text: string): FoundEndpoint | null;
  /** @throws Error with the reason, which completes "FILE …" */
  render(text: string, endpoint: FileEndpoint): Promise<Rendered>;
}

const formats: Readonly<Record<EndpointFileSettings["format"], (layout: FileLayout) => EndpointFormat>> = {
  ini: iniFormat,
  env: envFormat,
  json: jsonFormat,
};

/** An endpoint among other content. */
export function formatContent(settings: EndpointFileSettings): FileContent {
  const layout = fileLayout(settings.format, settings);
  const format = formats[settings.format](layout);
  return {
    hasEpoch: layout.fields.some(({ field }) => field === "epoch"),
    read: (text) => format.read(text),
    render: (text, endpoint) => Promise.resolve().then(() => format.render(text, endpoint)),
  };
}

/** A file that is made from a template. */
export function templateContent({ source }: TemplateSettings): FileContent {
  return {
    hasEpoch: false,
    read: () => null,
    render: async (_, endpoint) => ({ text: await renderTemplate(source, endpoint), warnings: [] }),
  };
}
