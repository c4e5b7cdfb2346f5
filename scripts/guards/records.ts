/** What keeps records right whatever crashes, races or lies. */
import type { Guard } from "./guard.ts";

const files = { file: "src/system/files.ts", test: "test/system/files.test.ts" };
const synced = { file: "src/system/files.ts", test: "test/system/synced.test.ts" };
const attempts = { file: "src/store/attempts.ts", test: "test/store/attempts.test.ts" };
const attemptModel = { file: "src/model/attempt.ts", test: "test/model/attempt.test.ts" };

export const recordGuards: readonly Guard[] = [
  {
    name: "a record is synced before it has its name",
    ...synced,
    text: "    fs.writeFileSync(file, content);\n    fs.fsyncSync(file);\n",
    instead: "    fs.writeFileSync(file, content);\n",
  },
  {
    name: "a name is synced with its folder",
    ...synced,
    text: "    fs.fsyncSync(folder);\n",
    instead: "",
  },
  {
    name: "a prepared folder is synced before it has its number",
    ...synced,
    text: "    syncFolder(prepared);\n",
    instead: "",
  },
  {
    name: "a process is noted on the disk itself",
    ...synced,
    text: "    if (options.sync) fs.fsyncSync(file);\n",
    instead: "",
  },
  {
    name: "a file is replaced, not written in place",
    ...files,
    text: "    fs.renameSync(temporary, path);\n  } catch (error) {\n    discard",
    instead: "    fs.writeFileSync(path, content);\n    discard(temporary);\n  } catch (error) {\n    discard",
    only: "full disk|replacing",
  },
  {
    name: "a record is created once",
    ...files,
    text: "      fs.linkSync(temporary, path);",
    instead: "      fs.renameSync(temporary, path);",
    only: "first wins",
  },
  {
    name: "a folder is created once",
    ...files,
    text: '    if (code === "ENOTEMPTY" || code === "EEXIST") return false;',
    instead: '    if (code === "ENOTEMPTY" || code === "EEXIST") return true;',
    only: "first wins",
  },
  {
    name: "what was won stays won",
    ...files,
    text: "    } finally {\n      discard(temporary);",
    instead: "    } finally {\n      removeFile(temporary);",
    only: "stays won",
  },
  {
    name: "a line that was cut off swallows no other",
    ...files,
    text: 'cutOff ? "\\n" : ""',
    instead: 'cutOff ? "" : ""',
    only: "full disk",
  },
  {
    name: "no file without end is read",
    ...files,
    text: "    if (stat.size > maxBytes)",
    instead: "    if (stat.size > maxBytes * 1e9)",
    only: "reading",
  },
  {
    name: "only regular files are read",
    ...files,
    text: "    if (!stat.isFile()) return { ok: false",
    instead: "    if (stat.isSocket()) return { ok: false",
    only: "reading",
  },
  {
    name: "what another user owns is not read",
    ...files,
    text: "stat.uid !== ownUid",
    instead: "stat.uid === -1",
    only: "reading",
  },
  {
    name: "what is at work is not reserved",
    ...attemptModel,
    text: "  return facts.end?.ok ? facts.n + 1 : null;",
    instead: "  return facts.end || facts.birth === null ? facts.n + 1 : null;",
  },
  {
    name: "what can't be read is not idle",
    ...attemptModel,
    text: "    if (read && !read.ok) return",
    instead: "    if (read && !read.ok && facts.n < 0) return",
  },
  {
    name: "nobody ends what may still be born",
    ...attemptModel,
    text: '  if (facts.birth === null) return "cancel-first";',
    instead: '  if (facts.birth === null) return "yes";',
  },
  {
    name: "nobody ends what lives",
    ...attemptModel,
    text: 'facts.supervisor === "dead" && facts.processes === "dead" ? "yes" : "no"',
    instead: 'facts.supervisor === "dead" ? "yes" : "no"',
  },
  {
    name: "another attempt's record is none of ours",
    ...attempts,
    text: "  if (!read?.ok || of(read.value) === attempt) return read;",
    instead: '  if (!read?.ok || of(read.value) !== "") return read;',
    only: "A15|another",
  },
  {
    name: "a newer record is refused",
    file: "src/store/records.ts",
    text: 'typeof version === "number" && version > 1',
    instead: 'typeof version === "number" && version > 1000',
    test: attempts.test,
    only: "unknown, with the reason",
  },
  {
    name: "the hint is no authority",
    ...attempts,
    text: "    while (existsSync(join(folder, attemptFolder(n + 1)))) n++;\n",
    instead: "",
    only: "hint",
  },
  {
    name: "a supervisor that lost its birth does nothing",
    file: "src/fleet/supervise.ts",
    text: "bornAt: now(), reason: null }))\n    return false;",
    instead: "bornAt: now(), reason: null }) && task.n < 0)\n    return false;",
    test: "test/fleet/lost-birth.test.ts",
  },
  {
    name: "no end where git had no room to take the work out",
    file: "src/fleet/collect.ts",
    text: "      throwIfFull(taken.errors, paths.folder);\n",
    instead: "",
    test: "test/e2e/full-disk.test.ts",
  },
  {
    name: "who says that the disk is full is believed where it is",
    file: "src/system/machine-trouble.ts",
    text: "  if (hasRoom) return;\n",
    instead: "",
    test: "test/system/machine-trouble.test.ts",
  },
];
