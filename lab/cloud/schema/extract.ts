import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import type {
  PackageName,
  PackageSchema,
  PropertySchema,
  PropertySchemas,
  ResourceSchema,
  TypeSchema,
} from "./schema.ts";

/** Which modules of a published npm package the lab serves. */
export interface PackageSelection {
  readonly name: PackageName;
  /** Directory of the installed npm package. */
  readonly directory: string;
  /** Modules (without extension) with a resource class each. */
  readonly resources: readonly string[];
  /** Modules with a function each. */
  readonly functions: readonly string[];
}

/** The packages' documentation has this text at inputs whose change makes a new resource. */
const recreatesText = "Changing this value recreates the resource";

/**
 * Derives a package's schema from its npm package: names, types and required properties from the type declarations, tokens
 * and secret outputs from the JavaScript.
 */
export function extractSchema(selection: PackageSelection): PackageSchema {
  const reader = new DeclarationReader(selection.directory);
  const resources = selection.resources.map((module) => reader.resource(module));
  const functions = selection.functions.map((module) => reader.function(module));
  const { version } = JSON.parse(readFileSync(path.join(selection.directory, "package.json"), "utf8")) as {
    version: string;
  };
  return {
    name: selection.name,
    version,
    configuration: reader.interface("provider", "ProviderArgs"),
    resources: Object.fromEntries(resources),
    functions: Object.fromEntries(functions),
    types: reader.types,
  };
}

class DeclarationReader {
  readonly types: Record<string, PropertySchemas> = {};
  readonly #directory: string;
  readonly #parsed = new Map<string, ts.SourceFile>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  resource(module: string): [token: string, schema: ResourceSchema] {
    const source = this.#parse(`${module}.d.ts`);
    const declaration = source.statements.find(ts.isClassDeclaration);
    const className = declaration?.name?.text;
    if (declaration === undefined || className === undefined) throw this.#missing(module, "a class");
    const javascript = this.#javascript(module);
    const secrets = /additionalSecretOutputs: (\[[^\]]*\])/.exec(javascript)?.[1] ?? "[]";
    const outputs = declaration.members
      .filter(ts.isPropertyDeclaration)
      .map((member) => member.name.getText(source))
      .sort();
    return [
      this.#match(module, javascript, /__pulumiType = '([^']+)'/),
      {
        inputs: this.interface(module, `${className}Args`),
        outputs,
        secretOutputs: JSON.parse(secrets) as string[],
      },
    ];
  }

  function(module: string): [token: string, inputs: PropertySchemas] {
    const javascript = this.#javascript(module);
    const name = path.basename(module);
    const argsName = `${name.charAt(0).toUpperCase()}${name.slice(1)}Args`;
    return [this.#match(module, javascript, /invoke\("([^"]+)"/), this.interface(module, argsName)];
  }

  interface(module: string, name: string): PropertySchemas {
    const source = this.#parse(`${module}.d.ts`);
    const declaration = source.statements.find(
      (statement): statement is ts.InterfaceDeclaration =>
        ts.isInterfaceDeclaration(statement) && statement.name.text === name,
    );
    if (declaration === undefined) throw this.#missing(module, `the interface ${name}`);
    return this.#properties(declaration, source);
  }

  #properties(declaration: ts.InterfaceDeclaration, source: ts.SourceFile): PropertySchemas {
    const properties = declaration.members.filter(ts.isPropertySignature).map((member): [string, PropertySchema] => {
      const documentation = source.text.slice(member.getFullStart(), member.getStart(source));
      const schema: PropertySchema = {
        type: member.type === undefined ? { kind: "any" } : this.#type(member.type, source),
        required: member.questionToken === undefined,
        ...(documentation.includes(recreatesText) ? { recreates: true } : {}),
      };
      return [member.name.getText(source), schema];
    });
    return Object.fromEntries(properties);
  }

  #type(node: ts.TypeNode, source: ts.SourceFile): TypeSchema {
    if (ts.isUnionTypeNode(node)) return this.#union(node, source);
    if (ts.isArrayTypeNode(node)) return { kind: "list", items: this.#type(node.elementType, source) };
    if (ts.isTypeLiteralNode(node)) {
      const index = node.members.find(ts.isIndexSignatureDeclaration);
      if (index !== undefined) return { kind: "map", values: this.#type(index.type, source) };
    }
    if (ts.isTypeReferenceNode(node)) return this.#reference(node, source);
    switch (node.kind) {
      case ts.SyntaxKind.StringKeyword:
        return { kind: "string" };
      case ts.SyntaxKind.NumberKeyword:
        return { kind: "number" };
      case ts.SyntaxKind.BooleanKeyword:
        return { kind: "boolean" };
      case ts.SyntaxKind.AnyKeyword:
        return { kind: "any" };
      default:
        throw new Error(`${source.fileName}: cannot convert the type ${node.getText(source)}`);
    }
  }

  #union(node: ts.UnionTypeNode, source: ts.SourceFile): TypeSchema {
    const members = node.types.filter((member) => member.kind !== ts.SyntaxKind.UndefinedKeyword);
    const [only] = members;
    if (members.length === 1 && only !== undefined) return this.#type(only, source);
    if (members.every((member) => /^pulumi\.asset\./.test(member.getText(source)))) return { kind: "assetOrArchive" };
    throw new Error(`${source.fileName}: cannot convert the type ${node.getText(source)}`);
  }

  #reference(node: ts.TypeReferenceNode, source: ts.SourceFile): TypeSchema {
    const name = node.typeName.getText(source);
    const [argument] = node.typeArguments ?? [];
    if (name === "pulumi.Input" && argument !== undefined) return this.#type(argument, source);
    const [space, ...qualified] = name.split(".");
    if (space === "inputs") return this.#object(qualified);
    if (space === "enums") return { kind: "enum", values: this.#enumeration(qualified) };
    throw new Error(`${source.fileName}: cannot convert the type ${name}`);
  }

  #object(qualified: readonly string[]): TypeSchema {
    const type = qualified.join(".");
    if (!(type in this.types)) {
      const source = this.#parse("types/input.d.ts");
      let statements: readonly ts.Statement[] = source.statements;
      for (const space of qualified.slice(0, -1)) {
        const inner = statements.find(
          (statement): statement is ts.ModuleDeclaration =>
            ts.isModuleDeclaration(statement) && statement.name.text === space,
        )?.body;
        statements = inner !== undefined && ts.isModuleBlock(inner) ? inner.statements : [];
      }
      const declaration = statements.find(
        (statement): statement is ts.InterfaceDeclaration =>
          ts.isInterfaceDeclaration(statement) && statement.name.text === qualified.at(-1),
      );
      if (declaration === undefined) throw this.#missing("types/input", `the interface ${type}`);
      this.types[type] = {};
      this.types[type] = this.#properties(declaration, source);
    }
    return { kind: "object", type };
  }

  #enumeration(qualified: readonly string[]): string[] {
    const source = this.#parse(path.join("types/enums", ...qualified.slice(0, -1), "index.d.ts"));
    const text = source.text;
    const start = text.indexOf(`const ${qualified.at(-1)}:`);
    if (start < 0) throw this.#missing("types/enums", `the enumeration ${qualified.join(".")}`);
    return [...text.slice(start, text.indexOf("};", start)).matchAll(/: "([^"]+)"/g)].map(([, value]) => value ?? "");
  }

  #parse(file: string): ts.SourceFile {
    const known = this.#parsed.get(file);
    if (known !== undefined) return known;
    const full = path.join(this.#directory, file);
    if (!existsSync(full)) throw new Error(`${full} is missing: is the npm package installed in the expected version?`);
    const source = ts.createSourceFile(full, readFileSync(full, "utf8"), ts.ScriptTarget.Latest, true);
    this.#parsed.set(file, source);
    return source;
  }

  #javascript(module: string): string {
    return readFileSync(path.join(this.#directory, `${module}.js`), "utf8");
  }

  #match(module: string, text: string, pattern: RegExp): string {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw this.#missing(module, String(pattern));
    return found;
  }

  #missing(module: string, what: string): Error {
    return new Error(`${path.join(this.#directory, module)}: ${what} is missing; the package's layout has changed`);
  }
}
