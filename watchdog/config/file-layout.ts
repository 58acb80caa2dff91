/** Where a file holds the endpoint: the section, and the key of each field. */

export type FileFormat = "ini" | "env" | "json";

/** What users may name or leave out. */
export const endpointFields = ["host", "port", "region", "caPath", "epoch"] as const;
export type EndpointField = (typeof endpointFields)[number];

/** `phase` is corrected where a file has it, and never added; `url` is host and port. */
export type FieldName = EndpointField | "url" | "phase";

export interface FieldKey {
  readonly field: FieldName;
  readonly key: string;
}

export interface FileLayout {
  /** ini: section; json: path of the object; env: prefix of the variables. "" is the top of the file. */
  readonly section: string;
  /** In the order of insertion. */
  readonly fields: readonly FieldKey[];
  readonly url: { readonly scheme: "https" | "http"; readonly path: string };
  /** Whether the section may be added to a file with other content. */
  readonly create: boolean;
}

export interface LayoutSettings {
  readonly section: string | null;
  readonly keys: Readonly<Record<EndpointField, string | null>>;
  readonly omit: readonly EndpointField[];
  readonly url: { readonly key: string; readonly scheme: "https" | "http"; readonly path: string } | null;
  readonly create: boolean;
}

type Names = Readonly<Record<EndpointField | "phase", string>>;

const sections: Readonly<Record<FileFormat, string>> = {
  ini: "Elasticsearch",
  env: "ELASTICSEARCH_",
  json: "elasticsearch",
};
const names: Readonly<Record<FileFormat, Names>> = {
  ini: { host: "Host", port: "Port", region: "Region", caPath: "CaPath", epoch: "Epoch", phase: "Phase" },
  env: { host: "HOST", port: "PORT", region: "REGION", caPath: "CA_PATH", epoch: "EPOCH", phase: "PHASE" },
  json: { host: "host", port: "port", region: "region", caPath: "caPath", epoch: "epoch", phase: "phase" },
};

/** The layout that libescluster and the endpoint service use. */
export function defaultLayout(format: FileFormat): FileLayout {
  const keys = { host: null, port: null, region: null, caPath: null, epoch: null };
  return fileLayout(format, { section: null, keys, omit: [], url: null, create: false });
}

export function fileLayout(format: FileFormat, { section, keys, omit, url, create }: LayoutSettings): FileLayout {
  const own = names[format];
  const written = endpointFields.filter((field) => !omit.includes(field));
  return {
    section: section ?? sections[format],
    fields: [
      ...(url === null ? [] : [{ field: "url" as const, key: url.key }]),
      ...written.map((field) => ({ field, key: keys[field] ?? own[field] })),
      { field: "phase" as const, key: own.phase },
    ],
    url: url ?? { scheme: "https", path: "" },
    create,
  };
}

/** What makes a layout ambiguous or unreadable; null: nothing. */
export function layoutViolation(format: FileFormat, settings: LayoutSettings): string | null {
  const { section, fields } = fileLayout(format, settings);
  const keys = fields.map(({ key }) => (format === "json" ? key : key.toLowerCase()));
  const twice = keys.find((key, position) => keys.indexOf(key) !== position);
  if (twice !== undefined) return `use the key ${twice} once`;
  const isName = (text: string) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
  const invalid = format === "env" ? fields.find(({ key }) => !isName(section + key)) : undefined;
  return invalid === undefined ? null : `write letters, digits and _: ${section}${invalid.key} is no variable`;
}
