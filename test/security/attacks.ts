/**
 * The attacks that this program is held against. Those by A are a list from before the first line of it, those by S were
 * thought of with its source at hand. A test that holds one begins its name with the ids: `A10, A12: ...`.
 */
export const attacks: Readonly<Record<string, string>> = {
  A1: "a worker id that is a path, a flag, a control character",
  A2: "a repository that is a flag, a path, a URL, a command",
  A3: "an issue that is no number, or more than one",
  A4: "a model that is a flag or a command",
  A5: "a prompt that looks like a flag, holds NUL, is huge",
  A6: "a title made to become a branch or a path",
  A7: "a template's placeholder or a pattern of replacement in a value",
  A8: "shell syntax in what goes to another machine",
  A9: "two spellings of one name",
  A10: "a symbolic link where something is read or written",
  A11: "a hard link to a file of the operator",
  A12: "a pipe, a device, a folder where a file is read",
  A13: "a link put in the place of a folder between check and use",
  A14: "a process number in a record: -1, 0, 1, somebody else's",
  A15: "a repository, a worker or an issue in a record that is a path",
  A16: "a HOME or an output without bounds: huge, sparse, deep, many",
  A17: "an agent that removes or changes the control folder, its HOME, a lock",
  A18: "settings, hooks, start-up files that an agent plants for a later one",
  A19: "the same in another case",
  A20: "a clone whose git configuration runs programs",
  A21: "a submodule or an LFS address that runs programs or reads files",
  A22: "a record of success that an agent writes by itself",
  A23: "output that looks like our own records or marks",
  A24: "what is given out as a bundle and is none",
  A25: "control sequences in a title, on the way to a terminal",
  A26: "instructions in an HTML comment",
  A27: "zero-width, bidi and tag characters",
  A28: "comment-like links, references to hidden characters",
  A29: "instructions in an issue: close, label, merge, exfiltrate",
  A30: "a comment by somebody who may not write",
  A31: "a text that is edited after its approval",
  A32: "a title that is edited after its approval",
  A33: "an approval by somebody who may not give it",
  A34: "an author or approver who lost the right",
  A35: "a repository that moved, and another under its name",
  A36: "a pull request given as an issue",
  A37: "hundreds of comments, a text without bounds",
  A38: "mentions, closing words and commands in what we post",
  A39: "images and links in an issue, to be fetched by the host",
  A40: "instructions of the repository that lift the policy",
  A41: "settings of the repository: no sandbox, another endpoint, a key helper, hooks, servers",
  A42: "a shell command that asks to leave the sandbox",
  A43: "writing outside: the operator, other workers, the control folder, the supervisor's memory",
  A44: "reading outside: keys, tokens, environments, other HOMEs",
  A45: "connections: other hosts, metadata, services of this machine, sockets",
  A46: "ways around a filter of connections",
  A47: "secrets in what is published, in any encoding",
  A48: "secrets in environments, process lists, core dumps",
  A49: "secrets in logs and transcripts",
  A50: "files that others may read, secrets in arguments",
  A51: "another worker's credential or conversation",
  A52: "the operator's environment: preloads, options, proxies",
  A53: "descriptors that are inherited",
  A54: "the operator's terminal: typing into it, its session",
  A55: "privileges: setuid, ptrace, mount, namespaces, bpf, devices",
  A56: "using up processes, memory, disk",
  A57: "a daemon that stays behind",
  A58: "a hostile install script of a dependency",
  A59: "publishing elsewhere: main, tags, other branches, claims, other remotes; workflow files",
  A60: "commits in another's name",
  A61: "a text of a pull request without bounds, with controls",
  A62: "many pull requests, many comments",
  A63: "publishing after the claim is lost",
  A64: "an update from somebody else, or back to an old version",
  A65: "programs in the current directory or planted on PATH",
  S1: "lines of output that forge success, pull requests and ends",
  S2: "output that is no text: bytes, NUL, lone surrogates, broken JSON, deep JSON",
  S3: "words of the voice that speak for other workers, other tasks, twice",
  S4: "figures that are forged: negative, infinite, huge",
  S5: "a forged beginning that claims another policy",
  S6: "an agent's words with control sequences, through every printing command",
  S7: "closing words and mentions as character references, or dressed in Markdown",
  S8: "a tree with .git in any spelling",
  S9: "a .gitmodules that is an option, a path or a link",
  S10: "a bundle with many refs, claims and branches among them",
  S11: "attributes in the repository: filters, diff drivers, export-subst, encodings",
  S12: "a link in the tree, and files below it",
  S13: "a change that is small as a bundle and huge as a text",
  S14: "a commit without a parent, a rewritten base, a merge that hides a change",
  S15: "file names with control characters, quotes, newlines, invalid UTF-8",
  S16: "the end of the fence, guessed in the issue",
  S17: "a placeholder of the template as name, address, title",
  S18: "a clone that is replaced by a link or a file while its work is taken out",
  S19: "git programs, aliases and wrappers in HOME, for the git that takes the work out",
  S20: "branches that are in the way of ours",
  S21: "fields in records that lead to prototypes",
  S22: "children in sessions of their own that hold the pipes open",
  S23: "a commit message that closes another issue, mentions people",
  S24: "a commit message that keeps checks from running, more commits than anybody reads",
  S25: "a token that could do more: other repositories, other rights, for longer",
  S31: "what the model's provider would do for an agent: fetch addresses, keep files, run tools, manage the account",
  S32: "an isolation that does not hold: a replaced or broken bubblewrap",
};

/** There is no such thing here to attack. */
export const notApplying: Readonly<Record<string, string>> = {
  A9: "Linux only: names of files keep their case; a worker's id has one spelling, repositories are folded",
};

/** Succeeds, or is not tested: said in docs/security.md, with what stands against it all the same. */
export const open: Readonly<Record<string, string>> = {
  A56: "CPU, memory, disk and the number of processes are not limited",
};

/** `A1, S2: ...` at the beginning of a test's or a group's name. */
export const idsIn = (name: string): string[] => /^((?:[AS]\d{1,2}(?:, )?)+): /.exec(name)?.[1]?.split(", ") ?? [];

/** Ids in the names that stand in the source of a test file. */
export function idsInSource(source: string): string[] {
  const names = source.matchAll(/(?:["`])((?:[AS]\d{1,2}(?:, )?)+): /g);
  return [...new Set([...names].flatMap(([, ids = ""]) => ids.split(", ")))];
}
