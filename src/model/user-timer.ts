/** What the user's systemd is told of one fleet: a timer and its service for the ticks. */
import { rotation, type TickCommand } from "./crontab.ts";
import { calendarOf } from "./schedule.ts";

export interface Units {
  readonly service: string;
  readonly timer: string;
}

export function units(expression: string, tick: TickCommand): Units {
  const about = `Claude Workers: assign for ${specifier(tick.root)}`;
  return {
    service: `[Unit]
Description=${about}

[Service]
Type=oneshot
ExecStartPre=-${unitLine(rotation(tick.log))}
ExecStart=${unitLine(tick.argv)}
StandardOutput=append:${specifier(tick.log)}
StandardError=inherit
# Attempts are children that outlive the tick; the default would end them with it.
KillMode=process
# One build that runs out of memory must not end the others.
OOMPolicy=continue
# Attempts inherit all of this, so it holds what an agent's build has no use for.
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
`,
    timer: `[Unit]
Description=${about}

[Timer]
${calendarOf(expression)
  .map((calendar) => `OnCalendar=${calendar}`)
  .join("\n")}
AccuracySec=5s
X-Cron=${expression}

[Install]
WantedBy=timers.target
`,
  };
}

/** The cron expression that a timer was made from. */
export function timerExpression(timer: string): string | null {
  return /^X-Cron=(.+)$/m.exec(timer)?.[1] ?? null;
}

function unitLine(words: readonly string[]): string {
  return words.map((word) => `"${specifier(word).replace(/["\\]/g, "\\$&").replaceAll("$", "$$$$")}"`).join(" ");
}

function specifier(text: string): string {
  return text.replaceAll("%", "%%");
}
