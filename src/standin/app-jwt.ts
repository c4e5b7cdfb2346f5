/** What a GitHub App is, and the token by which it proves to be one. */
import { verify } from "node:crypto";
import type { User, World } from "./world.ts";

export type Rights = Record<string, "read" | "write">;

export interface Installation {
  readonly id: number;
  readonly owner: User;
  readonly repos: Set<number>;
  readonly permissions: Rights;
}

export interface GitHubApp {
  readonly id: number;
  readonly slug: string;
  /** PEM. */
  readonly publicKey: string;
  readonly bot: User;
  readonly installations: Installation[];
}

/** What a token of an installation may do. */
export interface Grant {
  readonly repos: ReadonlySet<number>;
  readonly permissions: Rights;
  readonly expiresAt: Date;
}

const longestS = 600;

/** The App that signed it, as the viewer that it is then; undefined for a token that proves nothing. */
export function appOfJwt(world: World, token: string): User | undefined {
  const [head = "", body = "", signature = ""] = token.split(".");
  try {
    const { alg } = JSON.parse(Buffer.from(head, "base64url").toString());
    const { iss, iat, exp } = JSON.parse(Buffer.from(body, "base64url").toString());
    const app = world.apps.find(({ id }) => String(id) === String(iss));
    const now = world.now().getTime() / 1000;
    if (!app || alg !== "RS256" || iat > now + 60 || exp <= now || exp > now + longestS + 60) return undefined;
    const signed = Buffer.from(`${head}.${body}`);
    if (!verify("sha256", signed, app.publicKey, Buffer.from(signature, "base64url"))) return undefined;
    return { ...app.bot, app };
  } catch {
    return undefined;
  }
}
