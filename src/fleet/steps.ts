/** Steps that are undone in reverse when a later one fails: the shape of every verb that changes the world outside. */
import { failPoint } from "../system/fail-point.ts";

export class Undo {
  private readonly undone: (() => Promise<void> | void)[] = [];

  /** @param problem told what could not be undone; undoing goes on */
  constructor(private readonly problem: (message: string) => void) {}

  /** Register before or after the effect, whichever leaves nothing behind when the process dies in between. */
  later(action: () => Promise<void> | void): void {
    this.undone.push(action);
  }

  /** @returns whether everything was undone */
  async all(): Promise<boolean> {
    let complete = true;
    for (const action of this.undone.splice(0).reverse()) {
      try {
        await action();
        failPoint("one step undone");
      } catch (error) {
        complete = false;
        this.problem(error instanceof Error ? error.message : String(error));
      }
    }
    return complete;
  }
}
