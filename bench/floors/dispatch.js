// What no dispatch can save: as many requests, and the spawn of an empty detached process.
const [url = "", token = "", count = "0"] = process.argv.slice(2);
for (let at = 0; at < Number(count); at++) {
  const answer = await fetch(`${url}/repos/acme/site/issues/1`, { headers: { authorization: `token ${token}` } });
  await answer.json();
}
Bun.spawn(["/bin/true"], { detached: true, stdio: ["ignore", "ignore", "ignore"] }).unref();
