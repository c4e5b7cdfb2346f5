/** Who does the work in the demo: the real program where there is one, the real model only when it is asked for. */
import { checkClaude, findClaude } from "../agents/claude-check.ts";
import { FleetError } from "../model/errors.ts";

export const wishes = ["claude", "scripted", "dry-run"] as const;
export type Wish = (typeof wishes)[number];

export type Cast =
  /** Claude Code with the operator's credential. */
  | { readonly kind: "real"; readonly path: string; readonly announcement: string }
  /** Claude Code with a scripted model on loopback. */
  | { readonly kind: "scripted-model"; readonly path: string; readonly announcement: string }
  | { readonly kind: "scripted-agent" | "dry-run"; readonly announcement: string };

const inventedFigures = "its tokens are estimates";

/**
 * @param found what is configured and where to look; `credential`: one of the model provider is in the environment
 * @throws FleetError `environment` when Claude Code is asked for by name and is not there, or is too old
 */
export async function chooseCast(
  wish: Wish | undefined,
  found: { readonly claude: string | null; readonly toolPath: string; readonly credential: boolean },
): Promise<Cast> {
  if (wish === "dry-run")
    return { kind: "dry-run", announcement: "Agent: dry-run. Everything around it is real; nothing will be changed." };
  if (wish === "scripted")
    return { kind: "scripted-agent", announcement: `Agent: a small shell script (no model; ${inventedFigures}).` };
  const claude = await lookFor(found.claude, found.toolPath);
  if (claude instanceof FleetError) {
    if (wish === "claude") throw claude;
    return {
      kind: "scripted-agent",
      announcement: `Agent: a small shell script, since ${claude.message} (no model; ${inventedFigures}).`,
    };
  }
  const { path, version } = claude;
  if (wish === "claude" && found.credential) {
    return {
      kind: "real",
      path,
      announcement: `Agent: Claude Code ${version} with the REAL model and your credential. This costs money: at most $${budgetUsd} an issue.`,
    };
  }
  const why = wish === "claude" ? ", since no credential is in the environment" : "";
  return {
    kind: "scripted-model",
    path,
    announcement: `Agent: the real Claude Code ${version} with a scripted model on loopback${why} (nothing is spent; ${inventedFigures}).`,
  };
}

/** Most money for one issue of the demo with the real model. */
export const budgetUsd = 2;

async function lookFor(configured: string | null, searchPath: string) {
  try {
    return await checkClaude(findClaude(configured, searchPath));
  } catch (error) {
    if (error instanceof FleetError) return error;
    throw error;
  }
}
