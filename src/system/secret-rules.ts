/** The rule set of secretlint, loaded when it is needed: it costs some 16 MB, and most commands have nothing to publish. */

export interface RuleMatch {
  /** Such as `slack` */
  readonly rule: string;
  /** Where it begins in the text. */
  readonly at: number;
  readonly text: string;
}

/** Finds what has the shape of a credential. @param name of the file, for rules that look at its ending; nothing is read */
export async function matchRules(text: string, name: string): Promise<RuleMatch[]> {
  const [{ lintSource }, { rules }] = await Promise.all([
    import("@secretlint/core"),
    import("@secretlint/secretlint-rule-preset-recommend"),
  ]);
  const { messages } = await lintSource({
    source: { filePath: name, content: text, ext: "", contentType: "text" },
    options: {
      noPhysicFilePath: true,
      config: {
        // A comment in the change must not switch off what looks through the change.
        rules: rules
          .filter(({ meta }) => !meta.id.endsWith("-filter-comments"))
          .map((rule) => ({ id: rule.meta.id, rule })),
      },
    },
  });
  return messages.map(({ ruleId, range: [from, to] }) => ({
    rule: ruleId.replace(/^.*secretlint-rule-/, ""),
    at: from,
    text: text.slice(from, to),
  }));
}
