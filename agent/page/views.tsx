/** Gathers what each page shows. */

import { splitAddress } from '../../shared/core/address.ts';
import { tokenOf } from '../../shared/core/held-address.ts';
import type { Agent } from '../agent.ts';
import { findingsHere } from '../check.ts';
import { allHeld, type Held } from '../held.ts';
import { hubTimeOffset } from '../hub-time.ts';
import { DEFAULT_LINK } from '../link.ts';
import { mailCost } from '../link-speed.ts';
import { pageSecrets } from '../page-password.ts';
import { ownerOf } from '../people.ts';
import { facts, queued } from '../queue.ts';
import { lastSent, type Sent, subjectOf } from '../sent.ts';
import { statusReport } from '../status-report.ts';
import type { SyncWatch } from '../sync-watch.ts';
import { onSticks } from '../trip-session.ts';
import { lastTrips } from '../trips.ts';
import type { Around } from './frame.tsx';
import { type Login, LoginPage } from './login.tsx';
import { MailPage, type WaitingMail } from './mail.tsx';
import { OverviewPage } from './overview.tsx';
import type { Visitor } from './session.ts';

const hubNowOf = async (agent: Agent): Promise<number> => agent.now() + (await hubTimeOffset(agent));

export async function loginPage(agent: Agent, around: Around, fault?: Login['fault']) {
  const login: Login = {
    report: await statusReport(agent),
    hubNow: await hubNowOf(agent),
    hasPassword: (await pageSecrets(agent)).password !== undefined,
    ...(fault ? { fault } : {}),
  };
  return <LoginPage around={around} login={login} />;
}

export async function overviewPage(agent: Agent, around: Around, visitor: Visitor, watch: SyncWatch) {
  const overview = {
    visitor,
    watch,
    report: await statusReport(agent),
    trips: await lastTrips(agent),
    findings: await findingsHere(agent),

    links: agent.config.link,
    hubNow: await hubNowOf(agent),
    now: agent.now(),
  };
  return <OverviewPage around={around} overview={overview} />;
}

/** On one page; an office that has more waits for a better link. */
const ROWS_MAX = 100;

export async function mailPage(agent: Agent, around: Around, visitor: Visitor) {
  await agent.refresh();
  const isOf = (address: string): boolean => visitor.name === undefined || ownerOf(agent, address) === visitor.name;
  const trips = await lastTrips(agent);
  const { link } = agent.config;
  const view = {
    visitor,
    ...(await waitingMails(agent, isOf)),
    sent: (await lastSent(agent.store)).filter((mail) => isOf(mail.sender) && !isRequest(mail)).slice(0, ROWS_MAX),
    held: (await heldOf(agent, visitor)).slice(0, ROWS_MAX),
    links: link.length > 0 ? link : [DEFAULT_LINK],
    cost: (on: typeof DEFAULT_LINK, bytes: number) => mailCost(on, trips, bytes),
    hubNow: await hubNowOf(agent),
    now: agent.now(),
  };
  return <MailPage around={around} view={view} />;
}

/** What is held for whoever asks: the officer, or one person. */
export async function heldOf(agent: Agent, { name }: Visitor): Promise<readonly Held[]> {
  const held = await allHeld(agent.store);
  return name === undefined ? held : held.filter(({ recipient }) => ownerOf(agent, recipient) === name);
}

/** For a held mail: whoever reads the page sees beside that what was asked for. */
const isRequest = ({ recipients: [first = ''] }: Sent): boolean => tokenOf(splitAddress(first).local) !== undefined;

async function waitingMails(agent: Agent, isOf: (sender: string) => boolean) {
  const waiting: WaitingMail[] = [];
  let more = 0;
  const sticks = await onSticks(agent);
  for await (const mail of queued(agent)) {
    if ('reason' in mail || !isOf(mail.entry.head.sender)) continue;
    if (waiting.length >= ROWS_MAX) more += 1;
    else {
      const subject = await subjectOf(mail.entry.body);
      waiting.push({ ...facts(mail), subject, onStick: sticks.get(mail.entry.key) });
    }
  }
  return { waiting, more };
}
