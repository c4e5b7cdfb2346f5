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

const invented = "Its tokens are estimates; nothing is spent.";

/**
 * @param found what is configured and where to look; `credential`: one of the model provider is in the environment
 * @throws FleetError `environment` when Claude Code is asked for by name and is not there, or is too old
 */
export async function chooseCast(
  wish: Wish | undefined,
  found: { readonly claude: string | null; readonly toolPath: string; readonly credential: boolean },
): Promise<Cast> {
  if (wish === "dry-run")
    return { kind: "dry-run", announcement: "Agent: dry-run. All around it is real; it changes nothing." };
  if (wish === "scripted")
    return { kind: "scripted-agent", announcement: `Agent: a small shell script without a model.\n${invented}` };
  const claude = await lookFor(found.claude, found.toolPath);
  if (claude instanceof FleetError) {
    if (wish === "claude") throw claude;
    return {
      kind: "scripted-agent",
      announcement: `Agent: a small shell script without a model, since ${claude.message}.\n${invented}`,
    };
  }
  const { path, version } = claude;
  if (wish === "claude" && found.credential) {
    return {
      kind: "real",
      path,
      announcement: `Agent: Claude Code ${version} with the REAL model and your credential.\nThis costs money, at most $${budgetUsd} an issue.`,
    };
  }
  const why = wish === "claude" ? ", since no credential is given" : "";
  return {
    kind: "scripted-model",
    path,
    announcement: `Agent: the real Claude Code ${version} with a scripted model on loopback${why}.\n${invented}`,
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
