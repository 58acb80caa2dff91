// JavaScript, so that Node loads what it imports and strips the types by itself. A pack that begins with TypeScript is compiled by
// the compiler that Pulumi brings, which accepts no import of a .ts file.
import "./pack.ts";
