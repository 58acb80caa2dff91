import { type Html, html } from "./html.ts";

/** Parts that several sections are made of. */

/** Rows of what and a sentence; a row without a name goes on with the one before. */
export function facts(rows: readonly (readonly string[])[]): Html | null {
  if (rows.length === 0) return null;
  const groups: { readonly name: string; readonly texts: string[] }[] = [];
  for (const [name = "", ...rest] of rows) {
    const text = rest.join(" ");
    const last = groups.at(-1);
    if (name === "" && last !== undefined) last.texts.push(text);
    else groups.push({ name: name === "" ? "more" : name, texts: [text] });
  }
  return html`<dl>${groups.map(
    ({ name, texts }) => html`<div><dt>${name}</dt>${texts.map((text) => html`<dd>${text}</dd>`)}</div>`,
  )}</dl>`;
}

/** Headings in capitals are for terminals: screen readers may spell them. An empty one has a name here. */
const headingOf = (heading: string): string =>
  heading === "" ? "Role" : `${heading.slice(0, 1)}${heading.slice(1).toLowerCase()}`;

/** Rows below their headings. A wide table scrolls in itself, with the keyboard too. */
export function table(id: string, caption: string, rows: readonly (readonly string[])[]): Html {
  const [headings = [], ...body] = rows;
  return html`<div class="wide" id="${id}-table" tabindex="0" role="region" aria-label="${caption}">
<table><caption>${caption}</caption>
<thead><tr>${headings.map((heading) => html`<th scope="col">${headingOf(heading)}</th>`)}</tr></thead>
<tbody>${body.map(tableRow)}</tbody></table></div>`;
}

const tableRow = ([first = "", ...cells]: readonly string[]): Html =>
  html`<tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;

export const paragraph = (text: string): Html | null => (text === "" ? null : html`<p>${text}</p>`);

export const moment = (atMs: number): Html => {
  const iso = new Date(atMs).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace("T", " ")}</time>`;
};
