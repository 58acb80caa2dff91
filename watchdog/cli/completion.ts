/** Completion scripts for shells, generated from the tree of commands. Pure. */

export interface CommandTree {
  readonly name: string;
  readonly description: string;
  /** "--json", "-y": as typed. */
  readonly options: readonly string[];
  readonly commands: readonly CommandTree[];
}

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, program: CommandTree): string {
  switch (shell) {
    case "bash":
      return bashScript(program);
    case "zsh":
      return zshScript(program);
    case "fish":
      return fishScript(program);
    default:
      return shell satisfies never;
  }
}

/** Every command with its path: "" for the program, "salvage list" for a subcommand. */
function paths(tree: CommandTree, path = ""): readonly { readonly path: string; readonly command: CommandTree }[] {
  const subcommands = tree.commands.flatMap((command) =>
    paths(command, path === "" ? command.name : `${path} ${command.name}`),
  );
  return [{ path, command: tree }, ...subcommands];
}

const words = ({ options, commands }: CommandTree): string =>
  [...commands.map(({ name }) => name), ...options].join(" ");

/** Shell code that finds the command typed so far, for bash and zsh. */
function walk(program: CommandTree): string {
  const known = paths(program)
    .filter(({ path }) => path !== "")
    .map(({ path }) => `"${path}"`);
  return `case "\${path:+$path }$word" in
      ${known.join("|")}) path="\${path:+$path }$word" ;;
    esac`;
}

const cases = (program: CommandTree): string =>
  paths(program)
    .map(({ path, command }) => `    "${path}") words="${words(command)}" ;;`)
    .join("\n");

function bashScript(program: CommandTree): string {
  return `# bash completion of ${program.name}: copy it to /etc/bash_completion.d/
_${identifier(program)}() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    ${walk(program)}
  done
  case "$path" in
${cases(program)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${identifier(program)} ${program.name}`;
}

function zshScript(program: CommandTree): string {
  return `#compdef ${program.name}
# zsh completion of ${program.name}: copy it as _${program.name} to a directory in $fpath
_${identifier(program)}() {
  local path_so_far="" word candidates=""
  for word in "\${(@)words[2,CURRENT-1]}"; do
    ${walk(program).replaceAll("path", "path_so_far")}
  done
  case "$path_so_far" in
${cases(program).replaceAll('words="', 'candidates="')}
  esac
  compadd -- \${=candidates}
  _files
}
_${identifier(program)} "$@"`;
}

function fishScript(program: CommandTree): string {
  const lines = paths(program).flatMap(({ path, command }) => {
    const parents = path === "" ? [] : path.split(" ");
    const condition = fishCondition(parents, command);
    return [
      ...command.commands.map(({ name, description }) => `${condition} -f -a ${name} -d ${quoted(description)}`),
      ...command.options.map((option) => `${condition} ${fishOption(option)}`),
    ].map((rest) => `complete -c ${program.name} ${rest}`);
  });
  return [
    `# fish completion of ${program.name}: copy it to ~/.config/fish/completions/${program.name}.fish`,
    ...lines,
  ].join("\n");
}

function fishCondition(parents: readonly string[], { commands }: CommandTree): string {
  const seen = parents.map((parent) => `__fish_seen_subcommand_from ${parent}`);
  const names = commands.map(({ name }) => name).join(" ");
  const none = names === "" ? [] : [`not __fish_seen_subcommand_from ${names}`];
  return `-n ${quoted([...seen, ...none].join("; and "))}`;
}

const fishOption = (option: string): string =>
  option.startsWith("--") ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** A name that is valid for a function in every shell. */
const identifier = ({ name }: CommandTree): string => name.replaceAll("-", "_");
