/** The token by which a GitHub App proves to be one, signed as GitHub wants it, or otherwise. */
import { sign } from "node:crypto";

export function appJwt(claims: object, key: Parameters<typeof sign>[2], alg = "RS256"): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg, typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
}
