/** Completions for three shells: commands, flags and the words that some of them take. */
import type { CommandShape, FlagShape, ProgramShape } from "./command-line.ts";

export const shells = ["bash", "zsh", "fish"] as const;

export function completions(shell: (typeof shells)[number], program: ProgramShape): string {
  return { bash, zsh, fish }[shell](program);
}

const spellings = ({ long, short }: FlagShape) => [...(short === null ? [] : [`-${short}`]), long];
const valued = (flags: readonly FlagShape[]) => flags.filter(({ value }) => value !== null).flatMap(spellings);

/** How bash and zsh find the command among the words: the first that is no flag and no value of a global one. */
function findCommand(program: ProgramShape, words: string, current: string, first: number): string {
  return `  local command='' i
  for ((i = ${first}; i < ${current}; i++)); do
    case \${${words}[i]} in
    ${valued(program.flags).join("|")}) ((i++)) ;;
    -*) ;;
    *) command=\${${words}[i]}; break ;;
    esac
  done`;
}

/** A branch for each flag of each command whose value is not free: `dispatch:-m|dispatch:--model`. */
function valueCases(program: ProgramShape, paths: string, options: (words: readonly string[]) => string): string {
  const cases = (command: string, flags: readonly FlagShape[]) =>
    flags.flatMap((flag) => {
      if (flag.value === null) return [];
      const pattern = spellings(flag)
        .map((spelled) => `${command}:${spelled}`)
        .join("|");
      const { options: words, isPath } = flag.value;
      return [`    ${pattern}) ${isPath ? paths : words.length > 0 ? options(words) : "return"} ;;`];
    });
  return [...cases("*", program.flags), ...program.commands.flatMap(({ name, flags }) => cases(name, flags))].join(
    "\n",
  );
}

function bash(program: ProgramShape): string {
  const globals = program.flags.map(({ long }) => long);
  const wordsOf = ({ words, flags }: CommandShape) =>
    [...words, ...flags.map(({ long }) => long), ...globals].join(" ");
  return `# Completions of cw for bash: source <(cw completions bash)
_cw() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} words
${findCommand(program, "COMP_WORDS", "COMP_CWORD", 1)}
  COMPREPLY=()
  case $command:$prev in
${valueCases(
  program,
  'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return',
  (words) => `mapfile -t COMPREPLY < <(compgen -W '${words.join(" ")}' -- "$cur"); return`,
)}
  esac
  case $command in
    '') words='${[...program.commands.map(({ name }) => name), ...globals].join(" ")}' ;;
${program.commands.map((command) => `    ${command.name}) words='${wordsOf(command)}' ;;`).join("\n")}
    *) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _cw cw claude-workers
`;
}

function zsh(program: ProgramShape): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const described = (name: string, about: string) => quoted(`${name.replaceAll(":", "\\:")}:${about}`);
  const flags = (list: readonly FlagShape[]) => list.map(({ long, description }) => described(long, description));
  return `#compdef cw claude-workers
# Completions of cw for zsh: source <(cw completions zsh), or as a file _cw in a folder of fpath.
_cw() {
  local -a names flags
${findCommand(program, "words", "CURRENT", 2)}
  case $command:\${words[CURRENT - 1]} in
${valueCases(program, "_files; return", (words) => `compadd -- ${words.join(" ")}; return`)}
  esac
  flags=(${flags(program.flags).join(" ")})
  case $command in
    '') names=(${program.commands.map(({ name, summary }) => described(name, summary)).join(" ")}) ;;
${program.commands
  .map(({ name, words, flags: own }) => `    ${name}) names=(${words.join(" ")}); flags+=(${flags(own).join(" ")}) ;;`)
  .join("\n")}
    *) return ;;
  esac
  if [[ $PREFIX == -* ]]; then _describe -o flag flags; else _describe word names; fi
}
if [[ \${funcstack[1]} == _cw ]]; then _cw "$@"; else compdef _cw cw claude-workers; fi
`;
}

function fish(program: ProgramShape): string {
  const quoted = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const flag = (condition: string, { long, short, description, value }: FlagShape) => {
    const takes =
      value === null
        ? ""
        : value.isPath
          ? " -rF"
          : ` -x${value.options.length > 0 ? ` -a ${quoted(value.options.join(" "))}` : ""}`;
    return `complete -c cw${condition}${short === null ? "" : ` -s ${short}`} -l ${long.slice(2)}${takes} -d ${quoted(description)}`;
  };
  return `# Completions of cw for fish: cw completions fish >~/.config/fish/completions/cw.fish
function __cw_command
  set -l skip no
  for word in (commandline -opc)[2..]
    if test $skip = yes
      set skip no
    else
      switch $word
        case ${valued(program.flags).join(" ")}
          set skip yes
        case '-*'
        case '*'
          echo $word
          return 0
      end
    end
  end
  return 1
end
function __cw_is
  test "$argv[1]" = (__cw_command; or echo)
end
complete -c cw -f
complete -c claude-workers -w cw
${program.flags.map((one) => flag("", one)).join("\n")}
${program.commands
  .flatMap(({ name, summary, words, flags }) => {
    const within = ` -n '__cw_is ${name}'`;
    return [
      `complete -c cw -n 'not __cw_command >/dev/null' -a ${name} -d ${quoted(summary)}`,
      ...(words.length > 0 ? [`complete -c cw${within} -a ${quoted(words.join(" "))}`] : []),
      ...flags.map((one) => flag(within, one)),
    ];
  })
  .join("\n")}
`;
}
