/**
 * A small world for the model check: attempts as create-if-absent records, processes that may be killed at any moment, and
 * the verbs as programs of single steps (one read, one write, one signal). What is decided, the product's functions decide.
 */
import type { AttemptFacts, Birth, End, Status, Stop } from "../../src/model/attempt.ts";
import type { Instant, Liveness, ProcessIdentity } from "../../src/model/process.ts";
import type { Task } from "../../src/model/task.ts";
import { StateSet } from "./state-set.ts";

/** What the programs rely on; a mutant of the check breaks one. */
export interface Rules {
  readonly statusOf: (facts: AttemptFacts | null, now: Instant) => Status;
  readonly nextAttempt: (facts: AttemptFacts | null) => number | null;
  readonly mayEndForIt: (facts: AttemptFacts) => "yes" | "cancel-first" | "no";
  /** A record is created once: the first wins. */
  readonly createOnce: boolean;
  /** A supervisor that loses its birth exits. */
  readonly loserExits: boolean;
  /** Who ends an attempt that has no birth takes the birth first. */
  readonly cancelsFirst: boolean;
  /** Who ends an attempt has killed what lives, and looked again. */
  readonly provesDead: boolean;
  /** A dispatch that gives up takes the birth before it undoes the claim. */
  readonly cancelsBeforeUndo: boolean;
  /** Who saves the work of a dead supervisor, or ends it as dead, does so alone. */
  readonly endsAlone: boolean;
}

const actors = ["dispatch", "second dispatch", "restart", "stop", "reset -f", "reconcile"] as const;
export type Actor = (typeof actors)[number];
const [first, second, restart, stopper, reconciler] = [0, 1, 2, 3, 5] as const;

const attempts = 3;
/** Fields of an attempt. */
const [exists, reserver, birth, stopWish, ends, supervisor, agent] = [0, 1, 2, 3, 4, 5, 6] as const;
/** Fields of an actor: where it is, the attempt that it is at, what it has read, a process of its own that saves work. */
const [at, which, seen, saving] = [0, 1, 2, 3] as const;
const actorsFrom = attempts * 7;
const claim = actorsFrom + actors.length * 4;
const lock = claim + 1;
const crashes = lock + 1;
/** A multiple of four, for the set of states. */
const stateSize = (crashes + 4) & ~3;
const A = (n: number, field: number) => (n - 1) * 7 + field;
const P = (actor: number, field: number) => actorsFrom + actor * 4 + field;

const [none, bySupervisor, byCancellation] = [0, 1, 2] as const;
const [gated, running] = [1, 2] as const;
/** Places of a supervisor; 0 before it is spawned. */
const [spawned, born, guarding, watching, closing, ending, endingStopped] = [1, 2, 3, 4, 5, 6, 7] as const;
/** The place of whatever has exited or was killed. */
const over = 99;
/** What an actor has read of the records of an attempt, beside its birth. */
const [supervised, wished, ended] = [4, 8, 16] as const;

type State = Uint8Array;

const boot = { at: "", bootId: "b", uptimeMs: 0 };
const soon: Instant = { ...boot, uptimeMs: 10 };
const late: Instant = { ...boot, uptimeMs: 1000 };
const process: ProcessIdentity = { bootId: "b", machineId: "m", pidNamespace: "p", pid: 2, startTime: "1" };
const ok = <T>(value: T) => ({ ok: true, value }) as const;
const task = ok({ reservedAt: boot, bornWithinMs: 100 } as Task);
const births = [null, "supervisor" as const, "cancellation" as const].map((by) =>
  by === null ? null : ok<Birth>({ version: 1, by, process, bornAt: boot, reason: null }),
);
const wish = ok<Stop>({ version: 1, by: "stop", at: "" });
const terminal = ok({} as End);
const life = (alive: boolean): Liveness => (alive ? "alive" : "dead");

export interface Search {
  readonly states: number;
  /** What is wrong and how it comes to that; null when nothing is. */
  readonly violation: { readonly what: string; readonly trace: readonly string[] } | null;
}

/**
 * Visits every state that can be reached, breadth first, so that a trace is a shortest one.
 * @param present who takes part
 * @param mayCrash how often a process, or the whole host, may die
 */
export function search(rules: Rules, present: readonly Actor[], mayCrash: number): Search {
  return new World(rules, present, mayCrash).search();
}

class World {
  private readonly states = new StateSet();
  private readonly now = new Uint8Array(stateSize);
  private readonly to = new Uint8Array(stateSize);
  private head = 0;
  private moved = false;
  private told: { readonly of: number; what: string } | null = null;

  constructor(
    private readonly rules: Rules,
    present: readonly Actor[],
    mayCrash: number,
  ) {
    for (const [actor, name] of actors.entries()) if (!present.includes(name)) this.to[P(actor, at)] = over;
    this.to[crashes] = mayCrash;
    this.states.add(this.to, -1);
  }

  search(): Search {
    for (; this.head < this.states.size; this.head++) {
      this.states.load(this.head, this.now);
      this.moved = false;
      let what = wrong(this.rules, this.now);
      if (what === null) {
        this.steps(this.now);
        if (!this.moved) what = wrongAtLast(this.rules, this.now);
      }
      if (what !== null) return { states: this.states.size, violation: { what, trace: this.trace() } };
    }
    return { states: this.states.size, violation: null };
  }

  /** Goes the way again, this time with words. */
  private trace(): string[] {
    const way: number[] = [];
    for (let index = this.head; index > 0; index = this.states.before(index)) way.unshift(index);
    return way.map((index) => {
      this.told = { of: index, what: "" };
      this.states.load(this.states.before(index), this.now);
      this.steps(this.now);
      return this.told.what;
    });
  }

  /** A copy of the state, to be changed and handed to {@link step}. */
  private next(s: State): State {
    this.to.set(s);
    return this.to;
  }

  private step(who: string, what: string, n: number): undefined {
    this.moved = true;
    this.forget(this.to);
    if (this.told === null) this.states.add(this.to, this.head);
    else if (this.states.find(this.to) === this.told.of) this.told.what ||= `${who} ${what}${n > 0 ? ` ${n}` : ""}`;
  }

  /** Drops what nobody will look at any more, so that states which are alike become one. */
  private forget(s: State): void {
    const { createOnce, loserExits, cancelsFirst } = this.rules;
    if (!createOnce || !loserExits || !cancelsFirst) return;
    for (let n = 1; n <= attempts && s[A(n, exists)]; n++) {
      const by = s[A(n, birth)];
      if (by === none) continue;
      s[A(n, reserver)] = 0;
      if (by === byCancellation && s[A(n, supervisor)] === spawned) s[A(n, supervisor)] = over;
      if (by === byCancellation || (s[A(n, supervisor)] ?? 0) > watching) s[A(n, stopWish)] = 0;
      if (s[A(n, ends)] !== 1 || lives(s, n) || isUp(s, n) || visited(s, n)) continue;
      s[A(n, birth)] = byCancellation;
      s[A(n, supervisor)] = over;
      // Free for everybody, as if it were released.
      if (s[claim] === n) s[claim] = 0;
      for (let actor = 0; actor <= restart; actor++)
        if (s[P(actor, at)] === 3 && s[P(actor, seen)] === n) s[P(actor, seen)] = 0;
      if (n === 1 && s[A(2, exists)]) {
        this.forgetFirst(s);
        n = 0;
      }
    }
  }

  /** An attempt that is over before another is as good as none: the others move up. */
  private forgetFirst(s: State): void {
    s.copyWithin(0, A(2, 0), actorsFrom);
    s.fill(0, A(attempts, 0), actorsFrom);
    for (let actor = 0; actor < actors.length; actor++) {
      for (const field of [which, saving]) if (s[P(actor, field)]) s[P(actor, field)] = (s[P(actor, field)] ?? 0) - 1;
      if (actor <= restart && s[P(actor, at)] === 3 && s[P(actor, seen)])
        s[P(actor, seen)] = (s[P(actor, seen)] ?? 0) - 1;
    }
    if (s[claim]) s[claim] = (s[claim] ?? 0) - 1;
  }

  private steps(s: State): void {
    for (let actor = 0; actor < actors.length; actor++) {
      if (!this.isPrivate(s, actor)) continue;
      if (actor <= restart) this.dispatch(s, actor);
      else this.clear(s, actor);
      return;
    }
    for (let actor = 0; actor < actors.length; actor++) {
      if (s[P(actor, at)] === over) continue;
      // The two dispatches are alike: the one that moves first is called the first.
      if (actor === second && s[P(first, at)] === 0) continue;
      if (actor <= restart) this.dispatch(s, actor);
      else this.clear(s, actor);
    }
    for (let n = 1; n <= attempts; n++) {
      if (isUp(s, n)) this.supervise(s, n);
      // An agent may end at any time; behind the gate it does when its supervisor is gone.
      if (s[A(n, agent)] === running || (s[A(n, agent)] === gated && !isUp(s, n))) {
        this.next(s)[A(n, agent)] = none;
        this.step("the agent", "exits", n);
      }
    }
    for (let actor: number = stopper; actor < actors.length; actor++) {
      if (!s[P(actor, saving)]) continue;
      this.next(s)[P(actor, saving)] = 0;
      this.step(actors[actor] ?? "", "has a saving of work that exits", 0);
    }
    if (s[crashes]) this.crash(s);
  }

  /** A next step that nobody can see, prevent or change: it may as well be taken at once, before all others. */
  private isPrivate(s: State, actor: number): boolean {
    const n = s[P(actor, which)] ?? 0;
    switch (s[P(actor, at)]) {
      case 1:
        return actor <= restart ? s[A(n, exists)] === 1 : s[P(actor, seen)] === ended;
      case 3: // A tip never comes back.
        return actor <= restart && s[claim] !== s[P(actor, seen)];
      case 5:
        return actor > restart && s[A(n, ends)] !== 0;
      case 9:
        return s[P(actor, seen)] === ended;
      default:
        return false;
    }
  }

  private go(actor: number, place: number, read = 0): void {
    this.to[P(actor, at)] = place;
    this.to[P(actor, seen)] = read;
  }

  private exit(actor: number): void {
    this.go(actor, over);
    this.to[P(actor, which)] = 0;
    if (this.to[lock] === actor + 1) this.to[lock] = 0;
  }

  private create(field: number, value: number): void {
    if (this.to[field] === none || !this.rules.createOnce) this.to[field] = value;
  }

  private end(n: number): void {
    if (this.to[A(n, ends)] === 0 || !this.rules.createOnce) this.to[A(n, ends)] = (this.to[A(n, ends)] ?? 0) + 1;
  }

  /** Takes the birth away. @returns whether there is a supervisor after all; a birth never changes, so one step is as good as two */
  private cancel(n: number): boolean {
    this.create(A(n, birth), byCancellation);
    return this.to[A(n, birth)] === bySupervisor;
  }

  /** Reserve, claim, spawn, await the birth; on trouble cancel, undo, end. Restart is the same on top of an end. */
  private dispatch(s: State, actor: number): undefined {
    const { rules } = this;
    const n = s[P(actor, which)] ?? 0;
    const name = actors[actor] ?? "";
    this.next(s);
    switch (s[P(actor, at)]) {
      case 0: {
        const newest = newestOf(s);
        const free = newest < attempts ? rules.nextAttempt(factsOf(s, newest)) : null;
        if (free === null || (actor === restart && newest === 0)) this.exit(actor);
        else {
          this.to[P(actor, which)] = free;
          this.go(actor, 1);
        }
        return this.step(name, free === null ? "finds the worker taken by" : "finds free", free ?? newest);
      }
      case 1:
        if (s[A(n, exists)]) this.exit(actor);
        else {
          this.to[A(n, exists)] = 1;
          this.to[A(n, reserver)] = actor;
          this.go(actor, 2);
        }
        return this.step(name, s[A(n, exists)] ? "loses the reservation of" : "reserves", n);
      case 2: {
        const tip = s[claim] ?? 0;
        const facts = factsOf(s, tip);
        const free = facts === null || facts.end?.ok === true || rules.mayEndForIt(facts) === "yes";
        this.go(actor, free ? 3 : 6, free ? tip : 0);
        return this.step(name, free ? "may take the claim after" : "finds the issue claimed by", tip);
      }
      case 3: {
        const won = s[claim] === s[P(actor, seen)];
        if (won) this.to[claim] = n;
        this.go(actor, won ? 4 : 6);
        return this.step(name, won ? "claims for" : "loses the claim for", n);
      }
      case 4:
        this.go(actor, 6);
        this.step(name, "is interrupted at", n);
        this.next(s)[A(n, supervisor)] = spawned;
        this.go(actor, 5);
        return this.step(name, "spawns the supervisor of", n);
      case 5: {
        const isBorn = s[A(n, birth)] === bySupervisor;
        if (isBorn) this.exit(actor);
        else this.go(actor, 6);
        return this.step(name, isBorn ? "is done with" : "gives up on", n);
      }
      case 6: {
        const isBorn = rules.cancelsBeforeUndo ? this.cancel(n) : s[A(n, birth)] === bySupervisor;
        if (isBorn) this.exit(actor);
        else this.go(actor, 7);
        return this.step(name, isBorn ? "sees born" : rules.cancelsBeforeUndo ? "cancels" : "sees no birth of", n);
      }
      case 7:
        if (s[claim] === n) this.to[claim] = 0;
        this.go(actor, 8);
        return this.step(name, "releases the claim of", n);
      case 8:
        if (!rules.cancelsBeforeUndo && this.cancel(n)) this.exit(actor);
        else {
          this.end(n);
          this.exit(actor);
        }
        return this.step(name, "ends as refused", n);
    }
  }

  private supervise(s: State, n: number): undefined {
    const go = (place: number) => {
      this.to[A(n, supervisor)] = place;
    };
    const name = "the supervisor";
    this.next(s);
    switch (s[A(n, supervisor)]) {
      case spawned: {
        const loses = s[A(n, birth)] !== none && this.rules.createOnce;
        this.create(A(n, birth), bySupervisor);
        go(loses && this.rules.loserExits ? over : born);
        return this.step(name, loses ? "loses the birth of" : "is born for", n);
      }
      case born:
        if (s[A(n, stopWish)]) {
          go(endingStopped);
          this.step(name, "sees the wish to stop", n);
          this.next(s);
        }
        go(closing);
        this.step(name, "can't prepare", n);
        this.next(s)[A(n, agent)] = gated;
        go(guarding);
        return this.step(name, "starts an agent behind its gate for", n);
      case guarding:
        if (this.to[A(n, agent)] === gated) this.to[A(n, agent)] = running;
        go(watching);
        return this.step(name, "opens the gate for the agent of", n);
      case watching: {
        const kill = () => {
          if (this.rules.provesDead) this.to[A(n, agent)] = none;
        };
        if (s[A(n, stopWish)]) {
          kill();
          go(endingStopped);
          this.step(name, "ends the agent, as wished, of", n);
          this.next(s);
        }
        kill();
        go(closing);
        return this.step(name, "sees the end of the agent, or ends it, of", n);
      }
      case closing:
        if (s[claim] === n) this.to[claim] = 0;
        go(ending);
        return this.step(name, "gives up the claim of", n);
      case ending:
      case endingStopped:
        this.end(n);
        go(over);
        return this.step(name, "writes the end of", n);
    }
  }

  /** Stop, reset and reconcile: they share what they do with a supervisor that hangs or is dead. */
  private clear(s: State, actor: number): undefined {
    const { rules } = this;
    const name = actors[actor] ?? "";
    const n = s[P(actor, which)] ?? 0;
    const read = s[P(actor, seen)] ?? 0;
    const leave = () => (actor === stopper ? this.exit(actor) : this.go(actor, 20));
    this.next(s);
    switch (s[P(actor, at)]) {
      case 0: {
        const newest = newestOf(s);
        if (newest === 0) this.exit(actor);
        else {
          this.to[P(actor, which)] = newest;
          this.go(actor, 1, recordsOf(s, newest));
        }
        return this.step(name, "reads the records of", newest);
      }
      case 1:
        // Whether the time for the birth is over is left open: both may be.
        for (const now of (read & 3) === none ? [soon, late] : [late]) {
          const { state } = rules.statusOf(factsOf(s, n, read), now);
          this.next(s);
          if (state === "idle") leave();
          else if (state === "crashed" && actor !== stopper) this.go(actor, 10);
          else if (state === "crashed") this.exit(actor);
          else if (actor === reconciler) this.exit(actor);
          else this.go(actor, 2, state === "starting" ? 1 : 0);
          this.step(name, `finds ${state}`, n);
        }
        return;
      case 2:
        this.to[A(n, stopWish)] = 1;
        this.go(actor, read ? 3 : 5);
        return this.step(name, "wishes to stop", n);
      case 3: {
        const isBorn = this.cancel(n);
        this.go(actor, isBorn ? 5 : 16);
        return this.step(name, isBorn ? "sees born" : "cancels", n);
      }
      case 5:
        if (s[A(n, ends)]) {
          leave();
          return this.step(name, "sees the end of", n);
        }
        if (rules.endsAlone && s[lock] !== 0) return;
        if (rules.endsAlone) this.to[lock] = actor + 1;
        if (s[A(n, birth)] === bySupervisor && isUp(s, n)) this.to[A(n, supervisor)] = over;
        this.go(actor, 7);
        return this.step(name, "loses patience and kills the supervisor of", n);
      case 7:
        this.killAll(n);
        this.go(actor, 8);
        return this.step(name, "kills all of", n);
      case 8:
        this.go(actor, 9, recordsOf(s, n));
        return this.step(name, "reads the records again of", n);
      case 9: {
        const facts = factsOf(s, n, read);
        const proved = facts?.supervisor === "dead" && facts.processes === "dead";
        if (facts?.end?.ok || (!proved && rules.provesDead)) this.exit(actor);
        else this.go(actor, read === none ? 15 : read === byCancellation ? 16 : 13);
        return this.step(name, proved ? "has proved dead" : "can't prove dead", n);
      }
      // A crash: save its work, end it.
      case 10:
        if (rules.endsAlone && s[lock] !== 0) return;
        if (rules.endsAlone) this.to[lock] = actor + 1;
        this.go(actor, 11, recordsOf(s, n));
        return this.step(name, "turns to", n);
      case 11: {
        const facts = factsOf(s, n, read);
        const may = facts === null ? "no" : rules.mayEndForIt(facts);
        if (may === "no") this.exit(actor);
        else this.go(actor, may === "cancel-first" ? 15 : read === byCancellation ? 16 : 13);
        return this.step(name, may === "no" ? "may not end" : "may end", n);
      }
      case 13:
        this.to[P(actor, saving)] = n;
        this.go(actor, 14);
        return this.step(name, "starts to save the work of", n);
      case 14:
        if (s[P(actor, saving)]) return;
        this.go(actor, 16);
        return this.step(name, "has saved, or could not, the work of", n);
      case 15: {
        const isBorn = rules.cancelsFirst && this.cancel(n);
        if (isBorn) this.exit(actor);
        else this.go(actor, 16);
        return this.step(name, isBorn ? "sees born" : "cancels", n);
      }
      case 16:
        this.end(n);
        if (s[lock] === actor + 1) this.to[lock] = 0;
        leave();
        return this.step(name, "writes the end of", n);
      case 20:
        if (s[claim] === n && s[A(n, ends)]) this.to[claim] = 0;
        this.exit(actor);
        return this.step(name, "gives back the issue of", n);
    }
  }

  private killAll(n: number): void {
    if (!this.rules.provesDead) return;
    this.to[A(n, agent)] = none;
    for (let other: number = stopper; other < actors.length; other++)
      if (this.to[P(other, saving)] === n) this.to[P(other, saving)] = 0;
  }

  private crash(s: State): void {
    const strike = () => {
      this.next(s)[crashes] = (s[crashes] ?? 0) - 1;
    };
    for (let actor = 0; actor < actors.length; actor++) {
      // Who has only read so far leaves nothing: as if it had not come.
      const place = s[P(actor, at)] ?? 0;
      if (place === over || place <= 1 || (actor > restart && [2, 10, 20].includes(place))) continue;
      strike();
      this.exit(actor);
      this.step("CRASH:", actors[actor] ?? "", 0);
    }
    for (let n = 1; n <= attempts; n++) {
      if (!isUp(s, n)) continue;
      strike();
      this.to[A(n, supervisor)] = over;
      this.step("CRASH:", "supervisor of", n);
    }
    strike();
    for (let actor = 0; actor < actors.length; actor++) {
      this.to[P(actor, saving)] = 0;
      if (s[P(actor, at)] !== 0) this.exit(actor);
    }
    for (let n = 1; n <= attempts; n++) {
      if (isUp(s, n)) this.to[A(n, supervisor)] = over;
      this.to[A(n, agent)] = none;
    }
    this.step("CRASH:", "the host", 0);
  }
}

/** Whether an actor is still at that attempt. */
function visited(s: State, n: number): boolean {
  for (let actor = 0; actor < actors.length; actor++) if (s[P(actor, which)] === n) return true;
  return false;
}

function newestOf(s: State): number {
  let n = 0;
  while (n < attempts && s[A(n + 1, exists)]) n++;
  return n;
}

function isUp(s: State, n: number): boolean {
  const place = s[A(n, supervisor)];
  return place !== 0 && place !== over;
}

/** Anything of the attempt but its supervisor. */
function lives(s: State, n: number): boolean {
  if (s[A(n, agent)] !== none) return true;
  for (let actor: number = stopper; actor < actors.length; actor++) if (s[P(actor, saving)] === n) return true;
  return false;
}

/** What the store reads first: the records, and whether the supervisor lives; without what then no longer matters. */
function recordsOf(s: State, n: number): number {
  if (s[A(n, ends)]) return ended;
  const by = s[A(n, birth)] ?? 0;
  if (by !== bySupervisor || !isUp(s, n)) return by;
  return by | supervised | (s[A(n, stopWish)] ? wished : 0);
}

/** What the store makes of the records, with the life of the other processes as it is now. */
function factsOf(s: State, n: number, records = n === 0 ? 0 : recordsOf(s, n)): AttemptFacts | null {
  if (n === 0) return null;
  const nothing = { n, task, birth: null, stop: null, end: null } as const;
  if (records & ended)
    return { ...nothing, end: terminal, reserver: "dead", supervisor: "dead", processes: "dead", unread: null };
  const unborn = (records & 3) === none;
  return {
    ...nothing,
    birth: births[records & 3] ?? null,
    stop: records & wished ? wish : null,
    reserver: life(unborn && s[P(s[A(n, reserver)] ?? 0, at)] !== over),
    supervisor: life((records & supervised) > 0),
    processes: life((records & supervised) === 0 && lives(s, n)),
    unread: null,
  };
}

/** What is wrong with a state; null for nothing. */
function wrong(rules: Rules, s: State): string | null {
  let agents = 0;
  let open = 0;
  for (let n = 1; n <= attempts && s[A(n, exists)]; n++) {
    if (s[A(n, agent)] === running) {
      agents++;
      if (s[A(n, birth)] !== bySupervisor) return `an agent of ${n} lives, whose birth is no supervisor's`;
      if (s[claim] !== n) return `an agent of ${n} lives, whose issue is not claimed for it`;
    }
    if (!s[A(n, ends)]) open++;
    else if (lives(s, n)) return `I8: ${n} has its end, and processes of it live`;
    if ((s[A(n, ends)] ?? 0) > 1) return `I6: ${n} has two ends`;
  }
  if (agents > 1) return "I5: two agents live in one HOME";
  if (open > 1) return "two attempts are open at once";
  const newest = newestOf(s);
  if (newest === 0 || rules.statusOf(factsOf(s, newest), soon).state !== "idle") return null;
  for (let n = 1; n <= newest; n++) if (lives(s, n)) return `I8: the worker is idle, and processes of ${n} live`;
  return null;
}

/** Where nothing moves any more, whoever looks next must find a way to the end of each attempt. */
function wrongAtLast(rules: Rules, state: State): string | null {
  const s = state.slice();
  const newest = newestOf(s);
  for (let tries = 0; tries < 2 && newest > 0; tries++) {
    const facts = factsOf(s, newest);
    if (facts === null || rules.statusOf(facts, late).state !== "crashed") break;
    const may = rules.mayEndForIt(facts);
    if (may === "no") break;
    if (may === "cancel-first") s[A(newest, birth)] = byCancellation;
    else s[A(newest, ends)] = 1;
  }
  for (let n = 1; n <= newest; n++) if (s[A(n, ends)] !== 1) return `I6: ${n} will never have an end`;
  return s[lock] === 0 ? null : "the lock is never given back";
}
