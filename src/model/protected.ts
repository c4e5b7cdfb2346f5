/** What a worker's HOME holds that its agent may read and never change: identity, instructions, start-up files. */

/**
 * Relative to HOME. A name that ends in `/` is a folder. Whatever is read by a program at its start belongs here: an
 * agent that could write it would act in later attempts, or outside its shell's sandbox.
 */
export const protectedInHome = [
  ".claude/CLAUDE.md",
  ".claude/settings.json",
  ".claude/settings.local.json",
  ".claude/agents/",
  ".claude/commands/",
  ".claude/hooks/",
  ".claude/output-styles/",
  ".claude/rules/",
  ".claude/skills/",
  ".config/git/",
  ".gitconfig",
  ".zshenv",
  ".zprofile",
  ".zshrc",
  ".zlogin",
  ".profile",
  ".bash_profile",
  ".bash_login",
  ".bashrc",
  ".npmrc",
  ".bunfig.toml",
  ".ripgreprc",
  ".mcp.json",
  ".netrc",
  ".ssh/",
] as const;
