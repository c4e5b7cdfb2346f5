/** What keeps the keys of a GitHub App, and what is made with them, few, small and unseen. */
import type { Guard } from "./guard.ts";

export const credentialGuards: readonly Guard[] = [
  {
    name: "an App's token is for one repository",
    file: "src/issues/app-tokens.ts",
    text: "repositoryNames: [name], permissions };",
    instead: "permissions, ...(name ? {} : { repositoryNames: [name] }) };",
    test: "test/e2e/github-app.test.ts",
  },
  {
    name: "an App's token has the rights that are needed",
    file: "src/issues/app-tokens.ts",
    text: "repositoryNames: [name], permissions };",
    instead: "repositoryNames: [name], ...(permissions ? {} : { permissions }) };",
    test: "test/e2e/github-app.test.ts",
  },
  {
    name: "a token that asks for a repository's name is good for that one alone",
    file: "src/issues/app-tokens.ts",
    text: "repositoryIds: [id], permissions }",
    instead: "permissions, ...(id ? {} : { repositoryIds: [id] }) }",
    test: "test/e2e/github-app.test.ts",
    only: "renamed after the push",
  },
  {
    name: "no key where an agent reads",
    file: "src/config/app-key.ts",
    text: "const below = (folder: string) =>",
    instead: "const below = (folder: string) => folder !== root ||",
    test: "test/e2e/github-app.test.ts",
  },
  {
    name: "no token in the place of an App",
    file: "src/fleet/fleet.ts",
    text: "githubToken: githubApp ? null : ",
    instead: "githubToken: ",
    test: "test/fleet/credentials.test.ts",
  },
  {
    name: "made tokens are masked",
    file: "src/model/redaction.ts",
    text: "[...this.given, ...minted]",
    instead: "[...this.given]",
    test: "test/model/redaction.test.ts",
  },
];
