/** Fills placeholders `{{name}}` of a worker's template. */

/**
 * Single pass: a value that looks like a placeholder stays as it is.
 * @throws Error for a placeholder without a value: a template and its values belong to the same release.
 */
export function fillTemplate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{([a-zA-Z]+)\}\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new Error(`the template asks for {{${name}}}, which has no value`);
    return value;
  });
}
