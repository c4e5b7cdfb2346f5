/** A GitHub App as the credential of a fleet or of a worker. */
export interface AppKey {
  /** Its number, or its client id. */
  readonly id: string;
  /** PEM. Where there is none, `keyFile` has it. */
  readonly key?: string | undefined;
  readonly keyFile?: string | undefined;
}
