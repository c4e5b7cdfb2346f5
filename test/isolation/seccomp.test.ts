/** The filter as the kernel would run it, for processors that are not here, too. */
import { expect, test } from "bun:test";
import { systemCallFilter } from "../../src/isolation/seccomp.ts";

const archs = { x64: 0xc000003e, i386: 0x40000003, arm64: 0xc00000b7, arm: 0x40000028 } as const;
type Arch = keyof typeof archs;
const processorOf = { x64: "x64", i386: "x64", arm64: "arm64", arm: "arm64" } as const;

/** Errno, or "allowed". Runs the instructions over a struct seccomp_data. */
function answer(arch: Arch | number, number: number, args: readonly (number | bigint)[] = [], processor = "x64") {
  const filter = systemCallFilter(typeof arch === "number" ? processor : processorOf[arch]);
  if (filter === null) throw new Error("no filter");
  const program = new DataView(filter.buffer);
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, typeof arch === "number" ? arch : archs[arch], true);
  for (const [at, value] of args.entries()) data.setBigUint64(16 + at * 8, BigInt(value), true);
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const operand = program.getUint32(at * 8 + 4, true);
    const jump = (yes: boolean) => program.getUint8(at * 8 + (yes ? 2 : 3));
    switch (program.getUint16(at * 8, true)) {
      case 0x20:
        accumulator = data.getUint32(operand, true);
        break;
      case 0x15:
        at += jump(accumulator === operand);
        break;
      case 0x35:
        at += jump(accumulator >= operand);
        break;
      case 0x06:
        return operand === 0x7fff0000 ? "allowed" : operand - 0x50000;
      default:
        throw new Error(`no such instruction at ${at}`);
    }
  }
  throw new Error("it has no end");
}

/** Numbers as in the tables of the kernel. */
const calls: Record<Arch, Record<string, number>> = {
  x64: {
    socket: 41,
    socketpair: 53,
    ioctl: 16,
    shmget: 29,
    keyctl: 250,
    add_key: 248,
    request_key: 249,
    clone: 56,
    prctl: 157,
  },
  i386: {
    socket: 359,
    socketpair: 360,
    ioctl: 54,
    shmget: 395,
    keyctl: 288,
    add_key: 286,
    request_key: 287,
    clone: 120,
    prctl: 172,
  },
  arm64: {
    socket: 198,
    socketpair: 199,
    ioctl: 29,
    shmget: 194,
    keyctl: 219,
    add_key: 217,
    request_key: 218,
    clone: 220,
    prctl: 167,
  },
  arm: {
    socket: 281,
    socketpair: 288,
    ioctl: 54,
    shmget: 307,
    keyctl: 311,
    add_key: 309,
    request_key: 310,
    clone: 120,
    prctl: 172,
  },
};

test.each(Object.keys(calls) as Arch[])("S36, S37: %s", (arch) => {
  const call = (name: string) => calls[arch][name] ?? -1;
  for (const name of ["keyctl", "add_key", "request_key"]) expect(answer(arch, call(name))).toBe(1);
  for (const name of ["socket", "socketpair"]) {
    for (const family of [1, 2, 10, 16]) expect(answer(arch, call(name), [family])).toBe("allowed");
    for (const family of [0, 3, 15, 17, 21, 30, 31, 38, 40, 44, 2 ** 31])
      expect(answer(arch, call(name), [family])).toBe(97);
    // The kernel looks at the lower half alone.
    expect(answer(arch, call(name), [2n ** 32n + 40n])).toBe(97);
  }
  for (const request of [0x5412n, 0x541cn, 2n ** 32n + 0x5412n])
    expect(answer(arch, call("ioctl"), [0, request])).toBe(1);
  for (const request of [0x5401, 0x5413, 0x541b]) expect(answer(arch, call("ioctl"), [0, request])).toBe("allowed");
  for (const size of [0, 56, 65536]) expect(answer(arch, call("shmget"), [0, size])).toBe("allowed");
  for (const size of [65537, 2 ** 32, 2 ** 32 + 1]) expect(answer(arch, call("shmget"), [0, size])).toBe(22);
  expect(answer(arch, 425)).toBe(38);
  // PR_SET_DUMPABLE: nothing is done.
  expect(answer(arch, call("prctl"), [4, 0])).toBe(0);
  // PR_SET_MM, with PR_SET_MM_MAP.
  expect(answer(arch, call("prctl"), [35, 14])).toBe(1);
  for (const args of [
    [4, 1],
    [3, 0],
    [38, 1, 0],
    [22, 2],
  ])
    expect(answer(arch, call("prctl"), args)).toBe("allowed");
  expect(answer(arch, call("clone"), [0x10000000])).toBe("allowed");
});

test("S37: other numberings: what hides its arguments is refused, and so is an interface that is not known", () => {
  for (const number of [102, 117])
    for (const arch of ["i386", "arm"] as const) expect(answer(arch, number, [1])).toBe(38);
  for (const number of [0x40000000 + 41, 0x40000000 + 39, 2 ** 32 - 1]) expect(answer("x64", number, [40])).toBe(38);
  for (const processor of ["x64", "arm64"]) expect(answer(0xc0000016, 39, [], processor)).toBe(38);
});

test("no filter for other processors", () => {
  for (const processor of ["riscv64", "ppc64", "", "constructor"]) expect(systemCallFilter(processor)).toBeNull();
});
