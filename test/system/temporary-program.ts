/** Works in a temporary folder as told: `return`, `throw`, or `hang` (`demo`: in the folder of one) until it is killed. */
import { inTemporaryFolder } from "../../src/system/temporary.ts";

const [how] = process.argv.slice(2);
try {
  const folder = await inTemporaryFolder(how === "demo" ? "demo" : "version", async (path) => {
    if (how === "throw") throw new Error("no such thing");
    if (how === "hang" || how === "demo") {
      console.log(path);
      await Bun.sleep(60_000);
    }
    return path;
  });
  console.log(`${folder}: done`);
} catch (error) {
  console.log(String(error));
}
