import { Liquid } from "liquidjs";
import { hostPort } from "../../core/endpoint-state.ts";
import { messageOf } from "../../util/errors.ts";
import { bytesOf, type FileEndpoint } from "../formats/format.ts";
import { readCurrent } from "./replace-file.ts";

/**
 * A template cannot read other files, and an unknown name is an error: it would leave a hole in a configuration. The
 * limits bound what a template with a mistake may take, in milliseconds and bytes.
 */
const engine = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  templates: {},
  renderLimit: 1_000,
  memoryLimit: 10_000_000,
});

/**
 * Renders a template in Liquid's language, which is read at each rendering.
 *
 * @returns latin1 text, one character per byte
 * @throws Error that names the template, the line and the reason
 */
export async function renderTemplate(source: string, endpoint: FileEndpoint): Promise<string> {
  const { text, stats } = await readCurrent(source);
  if (stats === null) throw new Error(`cannot be made: there is no template ${source}`);
  try {
    const rendered: unknown = await engine.parseAndRender(
      Buffer.from(text, "latin1").toString("utf8"),
      variablesOf(endpoint),
    );
    return bytesOf(String(rendered));
  } catch (error) {
    throw new Error(`cannot be made from ${source}: ${messageOf(error)}`, { cause: error });
  }
}

function variablesOf(endpoint: FileEndpoint): object {
  const { host, port, region, epoch, caPath } = endpoint;
  const address = hostPort(endpoint);
  return {
    ...{ host, port, region, epoch, address, url: `https://${address}` },
    ...(caPath !== undefined && { caPath }),
  };
}
