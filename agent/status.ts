/** `agent status`: what waits, what it would cost on each link, what the last syncs did. */
import type { Agent, AgentCommand } from './agent.ts';
import { hubTimeOffset } from './hub-time.ts';
import { moneyText } from './price.ts';
import { type LinkReport, type StatusReport, statusReport } from './status-report.ts';
import type { Trip } from './trips.ts';
import { mails, size, span } from './words.ts';

export const statusCommand: AgentCommand = {
  words: 'status',
  usage: '[--json]',
  summary: 'what waits, what it would cost on each link, what the last syncs did',
  help: 'Costs are reckoned from how much smaller mail became, and how fast it went, in the last syncs over the link.',
  takes: [0, 0],
  reports: true,
  run: async (desk, { json, out }) => {
    const agent = await desk.open();
    const report = await statusReport(agent);
    if (json) out(JSON.stringify(report));
    else for (const text of await statusLines(agent, report)) out(text);
    return undefined;
  },
};

/** The report for a person. */
export async function statusLines(agent: Agent, report: StatusReport): Promise<readonly string[]> {
  const { office, hub, running, waiting, held, links, trips, directory, queues } = report;
  const hubNow = agent.now() + (await hubTimeOffset(agent));
  const age = waiting.oldest === undefined ? '' : `, the oldest for ${span(agent.now() - waiting.oldest)}`;
  const confirmed =
    directory.confirmed === undefined
      ? 'not yet heard from the hub'
      : `as of ${span(hubNow - directory.confirmed)} ago`;
  return [
    `office     ${office}, hub ${hub}`,
    `agent run  ${running ? 'runs' : 'does not run: mail programs reach nothing here, and nobody calls the hub'}`,
    `waiting    ${waiting.mails === 0 ? 'nothing' : `${mails(waiting.mails)}, ${size(waiting.bytes)}${age}`}`,
    ...(waiting.foreign === undefined ? [] : [`           a file that is no mail of ours: ${waiting.foreign}`]),
    ...(held.mails === 0
      ? []
      : [`held       ${mails(held.mails)}, ${size(held.bytes)} at the hub ('agent held' lists them)`]),
    ...links.map((link) => `link       ${linkLine(link)}`),
    `directory  ${directory.people} ${directory.people === 1 ? 'address' : 'addresses'}, ${confirmed}`,
    ...queues.flatMap(({ path, mails: count, misfits }) => [
      `queue      ${path}: ${mails(count)}`,
      ...misfits.map((misfit) => `           not taken: ${misfit.path}: ${misfit.reason}`),
    ]),
    ...trips.map((trip) => `sync       ${tripLine(trip, hubNow)}`),
  ];
}

function linkLine(link: LinkReport): string {
  const { name, inUse, mails: count, bytes, cost, pricePerMinute, budgetLeft, moneyLeft, thisMonth } = link;
  const price =
    cost !== undefined
      ? `, about ${moneyText(cost, link)}`
      : pricePerMinute !== undefined
        ? `, ${pricePerMinute} a minute (its speed is not known yet)`
        : '';
  const budget = budgetLeft === undefined ? '' : `, ${size(budgetLeft)} of the budget left`;
  const money = moneyLeft === undefined ? '' : `, ${moneyText(moneyLeft, link)} left`;
  const spent = thisMonth.money > 0 ? ` for ${moneyText(thisMonth.money, link)}` : '';
  const month = thisMonth.bytes > 0 ? `; this month ${size(thisMonth.bytes)}${spent}` : '';
  return `${name}${inUse ? ' (in use)' : ''}: ${mails(count)} to send, ${size(bytes)}${price}${budget}${money}${month}`;
}

function tripLine({ time, link, seconds, mailsUp, mailsDown, bytesWire, error }: Trip, hubNow: number): string {
  const carried = `sent ${mailsUp}, received ${mailsDown}, ${size(bytesWire)} on ${link} in ${seconds.toFixed(0)} s`;
  return `${span(hubNow - time)} ago: ${carried}${error === undefined ? '' : `; ended early: ${error}`}`;
}
