/** What keeps the host from following, trusting or waiting for what lies where an agent can write. */
import type { Guard } from "./guard.ts";

const homes = { file: "src/store/homes.ts" };
const files = { file: "src/system/files.ts", test: "test/system/files.test.ts" };

export const fileGuards: readonly Guard[] = [
  {
    name: "no link is followed on the way to what is taken over",
    file: "src/system/held-folder.ts",
    text: "openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW",
    instead: "openPath | constants.O_DIRECTORY",
    test: "test/security/swaps.test.ts",
    only: "A13",
  },
  {
    name: "rights are given to the folder that is held, not to what has its name",
    file: "src/system/held-folder.ts",
    text: "chmodSync(folder.at, 0o700)",
    instead: "chmodSync(path, 0o700)",
    test: "test/security/held.test.ts",
  },
  {
    name: "the way down is over what is held",
    file: "src/system/remove.ts",
    text: "openUp(join(folder.at, entry.name))",
    instead: "openUp(join(path, entry.name))",
    test: "test/security/held.test.ts",
  },
  {
    name: "a folder is held while it is looked at",
    ...homes,
    text: "at = folder.at;",
    instead: "at = join(parent, part);",
    test: "test/security/held.test.ts",
  },
  {
    name: "what was put in the place of a folder is not kept",
    ...homes,
    text: "    if (!isFolder(target)) rmSync(target, { force: true });\n",
    instead: "",
    test: "test/security/swaps.test.ts",
    only: "A13",
  },
  {
    name: "a folder without rights can be taken over",
    file: "src/system/held-folder.ts",
    text: "    chmodSync(folder.at, 0o700);\n",
    instead: "",
    test: "test/security/clone.test.ts",
    only: "A10",
  },
  {
    name: "records are not read through links",
    ...files,
    text: "O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);\n  } catch (error)",
    instead: "O_RDONLY | fs.constants.O_NONBLOCK);\n  } catch (error)",
  },
  {
    name: "nothing is appended through links",
    ...files,
    text: "fs.constants.O_CREAT | fs.constants.O_NOFOLLOW",
    instead: "fs.constants.O_CREAT",
  },
  {
    name: "a file is not awaited",
    ...files,
    text: "O_NOFOLLOW | fs.constants.O_NONBLOCK);\n  } catch (error)",
    instead: "O_NOFOLLOW);\n  } catch (error)",
  },
  {
    name: "what is no file is not read",
    ...files,
    text: "if (!stat.isFile()) return",
    instead: "if (stat.size < 0) return",
  },
  {
    name: "files of others are not read",
    ...files,
    text: "stat.uid !== ownUid",
    instead: "stat.uid < 0",
  },
  {
    name: "what is read is bounded",
    ...files,
    text: "if (stat.size > maxBytes)",
    instead: "if (stat.size < 0)",
  },
  {
    name: "nothing is read from an offset through links",
    ...files,
    text: "O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);\n  } catch {",
    instead: "O_RDONLY | fs.constants.O_NONBLOCK);\n  } catch {",
    only: "reading",
  },
  {
    name: "what is no file is not read from an offset",
    ...files,
    text: "stat.isFile() ? Math.max(0, Math.min(maxBytes, stat.size - offset)) : 0",
    instead: "stat.isFile() ? Math.max(0, Math.min(maxBytes, stat.size - offset)) : maxBytes",
    only: "reading",
  },
  {
    name: "folders are ours alone",
    ...files,
    text: "const privateFolder = 0o700;",
    instead: "const privateFolder = 0o755;",
  },
  {
    name: "files are ours alone",
    ...files,
    text: "const privateFile = 0o600;",
    instead: "const privateFile = 0o644;",
  },
  {
    name: "a link to a folder is no folder",
    ...files,
    text: "fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()",
    instead: "fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()",
    only: "a link to a folder",
  },
];
