/** What the canary tries inside an isolation, and must not manage. */
export interface CanaryTries {
  /** Paths of the operator, of other workers, of the fleet. */
  readonly absent: readonly string[];
  /** Where services of this machine have sockets. */
  readonly sockets: readonly string[];
  /** Files, and folders with a slash at the end, that must stay as they are. */
  readonly unwritable: readonly string[];
  /** Names of the variables that it was given, and of those that shells add. */
  readonly variables: readonly string[];
  readonly mostProcesses: number;
  /** On the loopback of the machine, where somebody listens. */
  readonly outsidePort: number;
  /** On the loopback inside. */
  readonly proxyPort: number;
}
