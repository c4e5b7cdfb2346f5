/**
 * System calls that nothing inside gets: what no namespace covers, as a filter for the kernel (bubblewrap's `--seccomp`). A list
 * of what is refused: all else stays, namespaces and mounts among it, since a sandbox inside ours needs them. Pure.
 * docs/adr/0009-system-calls.md has the reasons.
 */

const errno = { EPERM: 1, EINVAL: 22, ENOSYS: 38, EAFNOSUPPORT: 97 } as const;
type Errno = keyof typeof errno;

/** Families of sockets that a network namespace covers: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. */
const families = [1, 2, 10, 16];
/** Typing into a terminal: TIOCSTI, TIOCLINUX. The kernel looks at 32 bits of the request, and so does the filter. */
const typing = [0x5412, 0x541c];
/** Of a segment of System V. There are 4096 of them at most, which nobody counts when nobody maps them: 256 MiB. */
const largestSegment = 64 << 10;

/** PR_SET_DUMPABLE. */
const secrecy = 4;
/** PR_SET_MM: a process would choose what of its memory is shown as its environment, and of what size. */
const memoryMap = 35;

/** Numbers of the calls in one binary interface of the kernel. */
interface Abi {
  /** AUDIT_ARCH_* of the kernel. */
  readonly arch: number;
  /** Numbers from here on are of another interface (x32), and refused. */
  readonly below?: number;
  readonly refused: Readonly<Partial<Record<Errno, readonly number[]>>>;
  readonly sockets: readonly number[];
  readonly ioctl: number;
  readonly shmget: number;
  readonly prctl: number;
}

const x64: Abi = {
  arch: 0xc000003e,
  below: 0x40000000,
  // add_key, request_key, keyctl; perf_event_open, open_by_handle_at, bpf, userfaultfd. io_uring_setup.
  refused: { EPERM: [248, 249, 250, 298, 304, 321, 323], ENOSYS: [425] },
  sockets: [41, 53],
  ioctl: 16,
  shmget: 29,
  prctl: 157,
};
/** On a kernel for x64. */
const i386: Abi = {
  arch: 0x40000003,
  // The same. And socketcall and ipc, whose arguments a filter can't see.
  refused: { EPERM: [286, 287, 288, 336, 342, 357, 374], ENOSYS: [425, 102, 117] },
  sockets: [359, 360],
  ioctl: 54,
  shmget: 395,
  prctl: 172,
};
const arm64: Abi = {
  arch: 0xc00000b7,
  refused: { EPERM: [217, 218, 219, 241, 265, 280, 282], ENOSYS: [425] },
  sockets: [198, 199],
  ioctl: 29,
  shmget: 194,
  prctl: 167,
};
/** On a kernel for arm64. */
const arm: Abi = {
  arch: 0x40000028,
  refused: { EPERM: [309, 310, 311, 364, 371, 386, 388], ENOSYS: [425, 102, 117] },
  sockets: [281, 288],
  ioctl: 54,
  shmget: 307,
  prctl: 172,
};

const abis = new Map([
  ["x64", [x64, i386]],
  ["arm64", [arm64, arm]],
]);

/** An instruction of classic BPF: code, jump if true, jump if false, operand. */
type Instruction = readonly [code: number, yes: number, no: number, operand: number];

const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const equal = (value: number, yes: number, no: number): Instruction => [0x15, yes, no, value];
const atLeast = (value: number, yes: number, no: number): Instruction => [0x35, yes, no, value];
const allow: Instruction = [0x06, 0, 0, 0x7fff0000];
const refuse = (reason: Errno): Instruction => [0x06, 0, 0, 0x00050000 | errno[reason]];
/** Nothing is done, and nothing said. */
const pretend: Instruction = [0x06, 0, 0, 0x00050000];

/** Where struct seccomp_data has them; both processors put the low half of an argument first. */
const at = {
  number: 0,
  arch: 4,
  low: (argument: number) => 16 + argument * 8,
  high: (argument: number) => 20 + argument * 8,
};

/** @returns the filter for bubblewrap; null: not known for this processor. @param processor as `process.arch` names it */
export function systemCallFilter(processor: string): Uint8Array | null {
  const known = abis.get(processor);
  if (known === undefined) return null;
  const program = [load(at.arch), ...known.flatMap(({ arch, ...abi }) => only(arch, rules(abi))), refuse("ENOSYS")];
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  for (const [index, [code, yes, no, operand]] of program.entries()) {
    bytes.setUint16(index * 8, code, true);
    bytes.setUint8(index * 8 + 2, yes);
    bytes.setUint8(index * 8 + 3, no);
    bytes.setUint32(index * 8 + 4, operand, true);
  }
  return new Uint8Array(bytes.buffer);
}

function rules({ below, refused, sockets, ioctl, shmget, prctl }: Omit<Abi, "arch">): Instruction[] {
  return [
    load(at.number),
    ...(below === undefined ? [] : [atLeast(below, 0, 1), refuse("ENOSYS")]),
    ...(Object.keys(refused) as Errno[]).flatMap((reason) =>
      (refused[reason] ?? []).flatMap((number) => only(number, [refuse(reason)])),
    ),
    ...sockets.flatMap((number) => only(number, [load(at.low(0)), ...anyOf(families, allow, refuse("EAFNOSUPPORT"))])),
    ...only(ioctl, [load(at.low(1)), ...anyOf(typing, refuse("EPERM"), allow)]),
    ...only(shmget, [
      load(at.high(1)),
      ...anyOf([0], load(at.low(1)), refuse("EINVAL")),
      atLeast(largestSegment + 1, 0, 1),
      refuse("EINVAL"),
      allow,
    ]),
    // Who makes a secret of its memory is told that it is one: its files in memory have to be counted.
    ...only(prctl, [
      load(at.low(0)),
      ...only(memoryMap, [refuse("EPERM")]),
      ...anyOf([secrecy], load(at.low(1)), allow),
      ...anyOf([0], pretend, allow),
    ]),
    allow,
  ];
}

/** What is done when the loaded value is this; it has to end in an answer. */
const only = (value: number, then: readonly Instruction[]): Instruction[] => [equal(value, 0, then.length), ...then];

/** When the loaded value is one of them `yes`, which is the last instruction; else `no`, an answer. */
const anyOf = (values: readonly number[], yes: Instruction, no: Instruction): Instruction[] => [
  ...values.map((value, index) => equal(value, values.length - index, 0)),
  no,
  yes,
];
