/** One guard of the code, and how it is taken away; see scripts/mutate-guards.ts. */
export interface Guard {
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly instead: string;
  readonly test: string;
  /** Only the tests with such a name. */
  readonly only?: string;
}
