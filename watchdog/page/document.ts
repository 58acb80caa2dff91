import { headlineOf } from "./headline.ts";
import { type Html, html } from "./html.ts";
import { type Section, sections } from "./sections.ts";
import type { PageView } from "./view.ts";

/** What the page is made of, as it is sent to those who watch it. */
export interface Rendered {
  readonly title: string;
  /** HTML of each section, by its id. */
  readonly sections: Readonly<Record<string, string>>;
}

export function render(view: PageView): Rendered {
  const contents = sections.map(({ id, content }) => [id, content(view).text] as const);
  return { title: titleOf(view), sections: Object.fromEntries(contents) };
}

function titleOf({ status }: PageView): string {
  const { label, tone } = headlineOf(status);
  const { record, name } = status;
  if (tone === "unknown" || record === null) return `${label} (${name})`;
  return `${label}: ${record.phase === "serving" ? `${record.active} serves` : "no region serves"} (${name})`;
}

/** Without JavaScript a browser loads the page again after this time. */
const RELOAD_S = 20;

/** The whole page, complete without JavaScript. */
export function renderDocument(view: PageView): string {
  const { status, version } = view;
  const [headline, ...rest] = sections;
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${titleOf(view)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
<noscript><meta http-equiv="refresh" content="${RELOAD_S}"></noscript>
</head>
<body data-version="${version}">
<a class="skip" href="#main">Skip to the status</a>
<header><h1>es-failover: ${status.name} <span class="site">${status.site}</span></h1>
<nav aria-label="Sections"><ul>${sections.map(({ id, title }) =>
    title === null ? null : html`<li><a href="#${id}">${title}</a></li>`,
  )}</ul></nav></header>
<main id="main" tabindex="-1">
<div aria-live="polite">
${headline === undefined ? null : sectionOf(headline, view)}
<p id="connection">Not live: what you see is as of the time below.</p>
</div>
<p id="age"></p>
${rest.map((section) => sectionOf(section, view))}
</main>
<footer>
<noscript><p>Without JavaScript the page is loaded again every ${RELOAD_S} s: the time behind &ldquo;As of&rdquo; tells its age.</p></noscript>
<p>What this watchdog sees; another one may see something else. All times are UTC. The page changes nothing.
<a href="/status.json">The same as JSON</a>. Version ${version}.</p></footer>
</body>
</html>
`;
  return document.text;
}

function sectionOf({ id, title, content }: Section, view: PageView): Html {
  const body = html`<div id="${id}-content">${content(view)}</div>`;
  if (title === null) return html`<div id="${id}">${body}</div>`;
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${body}</section>`;
}
