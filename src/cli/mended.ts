/** What reconcile found before a command came to its own: said by all in the same way. */
import type { Reconciled } from "../fleet/reconcile.ts";
import type { Out } from "./command.ts";

export async function tellMended(out: Out, { repaired, failed }: Reconciled): Promise<void> {
  for (const repair of repaired) await out.note(repair);
  for (const failure of failed) await out.warn(failure);
}
