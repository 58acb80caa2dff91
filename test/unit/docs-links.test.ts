import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.join(import.meta.dirname, "..", "..");
const pages = ["README.md", "CONTRIBUTING.md", ...readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith(".md"))
  .concat("clients/c/README.md", "lab/cloud/README.md", "lab/elasticsearch/README.md");

/** The anchors of a page: its headings, as Markdown renderers make them. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = withoutCode(text).matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(/\s/g, "-"),
    ),
  );
}

const withoutCode = (text: string) => text.replaceAll(/^```[\s\S]*?^```/gm, "");

describe("documents", () => {
  test.each(pages)("%s links only to files and sections that exist", (page) => {
    const text = readFileSync(path.join(root, page), "utf8");
    const broken = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !exists(page, target));
    expect(broken).toEqual([]);
  });
});

function exists(page: string, target: string): boolean {
  const [file = "", anchor] = target.split("#");
  const linked = file === "" ? path.join(root, page) : path.join(root, path.dirname(page), file);
  try {
    if (anchor === undefined) return readdirSync(path.dirname(linked)).includes(path.basename(linked));
    return anchorsOf(readFileSync(linked, "utf8")).has(anchor);
  } catch {
    return false;
  }
}
