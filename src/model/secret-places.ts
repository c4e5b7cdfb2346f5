/**
 * URLs with a password are in many a test and a README. Those that lead nowhere are no secret: rejecting a night's work for
 * them would teach people to switch the scan off.
 */
export function isPlaceholder(match: string): boolean {
  const host = /^[a-z][a-z0-9+.-]*:\/\/[^\s@/]*@([^\s:/?#"'`]+)/i.exec(match)?.[1]?.toLowerCase();
  if (host === undefined) return false;
  return (
    // A name without a dot is that of a container, or this machine.
    /^(?:[a-z0-9_-]+|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1\])$/.test(host) ||
    /(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$/.test(host)
  );
}
