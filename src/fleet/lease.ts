/** Keeps the claim alive while the attempt runs, and notices when there is no longer anything to keep. */
import type { ClaimPlace } from "../issues/claims.ts";
import type { GitHub } from "../issues/github.ts";
import { type Claim, isStale, type Tip } from "../model/claim.ts";
import type { Said } from "../model/events.ts";
import { Verdict } from "../model/verdict.ts";
import { sameLabel } from "../model/worker.ts";
import { finish, type Holder, isOurs, renew } from "./hold.ts";

export class Lease {
  private timer: Timer | undefined;
  private stopped = false;
  private renewing: Promise<void> | null = null;

  /** @param tip null where it was not read yet */
  constructor(
    private readonly github: GitHub,
    readonly place: ClaimPlace,
    readonly holder: Holder,
    private readonly label: string,
    /** Of the issue, as it was read: its number may be another's by now, in another repository of that name. */
    private readonly nodeId: string | null,
    private readonly say: (said: Said) => void,
    private readonly end: (verdict: Verdict) => void,
    private tip: Tip | null = null,
  ) {}

  /** Renews before half of the lease has passed. A failure is tried again soon: only another's tip ends the attempt. */
  keep(): void {
    this.schedule(this.holder.leaseMs / 3);
  }

  async release(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.renewing;
  }

  /** The tip as far as we know it; read when we do not. Ends the attempt when it is not ours. */
  async known(): Promise<Tip> {
    if (this.tip !== null) return this.tip;
    const { tip } = await this.github.claims.read(this.place);
    if (tip === null || !isOurs(tip.claim, this.holder)) throw this.lost(tip);
    this.tip = tip;
    return tip;
  }

  /** Replaces what is known after a push has moved the claim. */
  moved(tip: Tip): void {
    this.tip = tip;
  }

  /** @throws Verdict `withdrawn` when the issue is closed, gone, moved, or its label was taken away; `fenced` with its claim, or its repository */
  async checkIssue(): Promise<void> {
    const { repo, issue } = this.place;
    const now = await this.github.issueWith(repo, issue, this.label).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "notFound")
        throw new Verdict("withdrawn", error.message);
      throw error;
    });
    if (this.nodeId !== null && now.nodeId !== this.nodeId)
      throw new Verdict("fenced", `${repo}#${issue} is another issue by now, in another repository of that name`);
    if (!now.open) throw new Verdict("withdrawn", `${repo}#${issue} was closed`);
    if (now.labels.some((name) => sameLabel(name, this.label))) return;
    // Whoever takes over an expired claim takes its label away as well.
    const { tip } = await this.github.claims.read(this.place);
    if (!isOurs(tip?.claim ?? null, this.holder)) throw this.lost(tip);
    throw new Verdict("withdrawn", `the label ${this.label} was taken from ${repo}#${issue}`);
  }

  /** The claim is in a state of its own that says how it ended. */
  get ended(): boolean {
    const state = this.tip?.claim?.state;
    return state === "done" || state === "failed" || state === "released";
  }

  /** Its work is on GitHub, as far as we know. */
  get published(): boolean {
    return this.tip?.claim?.state === "published";
  }

  /** As far as we know. */
  get ours(): boolean {
    return isOurs(this.tip?.claim ?? null, this.holder);
  }

  /** Asked anew: what ran out may be another's by now. @returns stale: half of its lease has passed */
  async look(): Promise<{ ours: Claim["state"] | null; stale: boolean }> {
    const { tip, serverNow } = await this.github.claims.read(this.place);
    const claim = tip?.claim ?? null;
    if (tip === null || claim === null || !isOurs(claim, this.holder)) return { ours: null, stale: false };
    this.tip = tip;
    return { ours: claim.state, stale: isStale(claim, tip, serverNow) };
  }

  /** What may have run out is renewed first. @returns null where GitHub does not say */
  async stillOurs(): Promise<boolean | null> {
    try {
      const { ours, stale } = await this.look();
      if (ours !== "held" || !stale) return ours !== null;
      const written = await renew(this.github.claims, this.place, this.holder, await this.known());
      this.tip = written.tip;
      return this.ours;
    } catch {
      return null;
    }
  }

  /** @returns false when somebody was faster, which may have been us: `ours` then tells */
  async finish(end: Pick<Claim, "state" | "pr" | "head" | "blocked">): Promise<boolean> {
    await this.release();
    const written = await finish(this.github.claims, this.place, this.holder, await this.known(), end);
    if (written.tip) this.tip = written.tip;
    if (written.won) this.say({ type: "claim:finished", state: end.state });
    return written.won;
  }

  private schedule(ms: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.renewing = this.once().finally(() => {
        this.renewing = null;
      });
    }, ms);
  }

  private async once(): Promise<void> {
    try {
      const written = await renew(this.github.claims, this.place, this.holder, await this.known());
      if (!written.won) throw this.lost(written.tip);
      this.tip = written.tip;
      this.say({ type: "claim:renewed", sha: written.tip.sha });
      await this.checkIssue();
      this.schedule(this.holder.leaseMs / 3);
    } catch (error) {
      if (error instanceof Verdict) return this.end(error);
      // It may have moved the claim all the same: the tip has to be read before anything is built on it.
      this.tip = null;
      this.say({ type: "claim:renewal-failed", reason: error instanceof Error ? error.message : String(error) });
      this.schedule(Math.min(60_000, this.holder.leaseMs / 10));
    }
  }

  private lost(tip: Tip | null): Verdict {
    const claim = tip?.claim;
    return new Verdict(
      "fenced",
      claim ? `the claim now belongs to worker ${claim.worker}, attempt ${claim.attempt}` : "the claim is gone",
    );
  }
}
