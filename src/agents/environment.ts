/** The environment of an agent: built from nothing, by a published list. */

/** Every variable that an agent can get; nothing of the operator's own environment is inherited. */
export const agentEnvironmentNames: readonly string[] = [];
