/** The name that somebody probably meant. */

/** The candidate nearest to `name`, or undefined when none is near enough to be worth a suggestion. */
export async function nearest(name: string, candidates: Iterable<string>): Promise<string | undefined> {
  const names = [...candidates];
  if (names.length === 0 || name === "") return undefined;
  // Loaded here: only messages about mistakes need it.
  const { closest, distance } = await import("fastest-levenshtein");
  const best = names.find((candidate) => candidate.startsWith(name)) ?? closest(name, names);
  const near = distance(name.toLowerCase(), best.toLowerCase()) <= Math.max(1, Math.floor(name.length / 3));
  return near || best.startsWith(name) ? best : undefined;
}
