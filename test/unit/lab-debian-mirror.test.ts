import { describe, expect, test } from "vitest";
import { chooseDebianMirror, parseDeb822Sources, parseOneLineSources } from "../../lab/machine/debian-mirror.ts";

describe("the machine's Debian mirror", () => {
  test("is found in one-line sources", () => {
    const sources = parseOneLineSources(`
# deb http://old.example/debian stable main
deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian/ bookworm main contrib
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
`);
    expect(chooseDebianMirror(sources)).toEqual({
      main: "http://mirror.example/debian",
      security: "http://mirror.example/debian-security",
    });
  });

  test("is found in deb822 sources, with comments, folded fields and disabled stanzas", () => {
    const sources = parseDeb822Sources(`Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm

Types: deb deb-src
# a comment within
URIs:
 http://mirror.example/some/path/debian
Suites: bookworm
 bookworm-updates
Components: main
`);
    expect(chooseDebianMirror(sources)).toEqual({ main: "http://mirror.example/some/path/debian" });
  });

  test("is not taken from archives of other kinds", () => {
    const sources = parseOneLineSources(
      "deb https://apt.example/node nodistro main\ndeb file:/srv/debian stable main\n",
    );
    expect(chooseDebianMirror(sources)).toBeUndefined();
  });
});
