/** An event as a line for people; null for those that say nothing to them. */
import type { FleetEvent } from "../model/events.ts";
import { printable } from "../model/text.ts";
import { dollars } from "./figures.ts";

export function eventLine(event: FleetEvent): string | null {
  const text = wording(event);
  return text === null ? null : `${event.at.slice(11, 19)} ${event.attempt ?? event.worker} ${printable(text, 400)}`;
}

function wording(event: FleetEvent): string | null {
  switch (event.type) {
    case "worker:created":
      return "worker created";
    case "attempt:reserved":
      return `takes ${event.repo}${event.issue === null ? "" : `#${event.issue}`} (${event.agent}, ${event.model})`;
    case "issue:read":
      return `issue: ${event.title} (by ${event.author}${event.hidden > 0 ? `, ${many(event.hidden, "piece")} of hidden text taken out` : ""})`;
    case "issue:claimed":
      return `claimed the issue (${event.sha.slice(0, 10)}, epoch ${event.epoch})`;
    case "issue:labelled":
      return `label ${event.label} set`;
    case "issue:unlabelled":
      return `label ${event.label} removed`;
    case "attempt:spawned":
      return null;
    case "attempt:born":
      return `supervisor ${event.pid} is up`;
    case "step:started":
      return `step ${event.step}`;
    case "step:ended":
      return null;
    case "agent:started":
      return `agent ${event.resume ? "resumed" : "started"} (isolation ${event.isolation})`;
    case "agent:ready":
      return `agent is ready (${event.model}, version ${event.version})`;
    case "agent:activity":
      return `${{ text: "says:", tool: "does:", result: "gets:" }[event.kind]} ${event.text}`;
    case "agent:usage":
      return `${many(event.turns, "turn")}, ${dollars(event.costUsd)}`;
    case "agent:waiting":
      return `waits: ${event.reason}`;
    case "agent:parked":
      return `parked at the usage limit until ${event.until}`;
    case "agent:spoke":
      return event.text === "" ? event.word : `${event.word}: ${event.text}`;
    case "egress:denied":
      return `connection refused to the agent: ${event.target} (${event.reason})`;
    case "agent:ending":
      return `ends the agent: ${event.why}`;
    case "agent:exited":
      return `agent ended (${event.signal ?? `exit code ${event.code}`}${event.dropped > 0 ? `, ${event.dropped} lines of its output not kept` : ""})`;
    case "claim:renewed":
      return "claim renewed";
    case "claim:renewal-failed":
      return `claim could not be renewed: ${event.reason}`;
    case "claim:finished":
      return `claim ${event.state}`;
    case "work:collected":
      return event.head === null ? "nothing was changed" : `collected ${many(event.commits, "commit")}`;
    case "work:verified":
      return `verified +${event.added} -${event.removed} in ${many(event.files, "file")}`;
    case "work:saved":
      return `work saved: ${event.file} (${event.bytes} bytes)`;
    case "branch:published":
      return `pushed ${event.branch} at ${event.head.slice(0, 10)}`;
    case "pull:verified":
      return `pull request #${event.number} ${event.adopted ? "adopted" : "opened"} and verified: ${event.url}`;
    case "issue:filed":
      return `issue #${event.number} filed: ${event.url}`;
    case "comment:posted":
      return `comment: ${event.url}`;
    case "attempt:ended":
      return `${event.outcome}: ${event.reason}`;
    case "warning":
      return `warning: ${event.message}`;
  }
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
