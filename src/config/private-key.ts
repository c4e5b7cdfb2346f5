/** What the private key of a GitHub App must be. */
import { createPrivateKey } from "node:crypto";
import { FleetError } from "../model/errors.ts";

/** @throws FleetError `config`, never with the key in its message */
export function privateKeyIn(pem: string, where: string): string {
  try {
    if (createPrivateKey(pem).asymmetricKeyType === "rsa") return pem.trim();
  } catch {
    // Said below.
  }
  throw new FleetError("config", `${where}: expected the private key of a GitHub App, as the file .pem has it`);
}
