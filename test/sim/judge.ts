/** What is wrong at the end of a world, in words; and what came twice in the windows that DESIGN allows. */
import { type Account, type Mail, personOf } from './account.ts';
import type { Taken } from './internet.ts';
import type { Operator } from './operator.ts';

export interface Verdicts {
  readonly wrong: readonly string[];
  readonly lost: number;
  readonly twice: number;
  /** Copies too many, by the window in which they came. */
  readonly windows: ReadonlyMap<string, number>;
}

export interface Evidence {
  readonly account: Account;
  readonly operator: Operator;
  /** In the order in which they were taken. */
  readonly taken: readonly Taken[];
}

export function judge(evidence: Evidence): Verdicts {
  const { account } = evidence;
  const wrong: string[] = [...account.strange];
  const windows = new Map<string, number>();
  let [lost, twice] = [0, 0];
  for (const mail of account.mails)
    for (const [recipient, ends] of mail.recipients)
      for (const end of ends) {
        const found = judgeEnd(evidence, { mail, recipient, end });
        if (!found) continue;
        if (found.window !== undefined) windows.set(found.window, (windows.get(found.window) ?? 0) + 1);
        else {
          wrong.push(`mail ${mail.number} (door ${mail.door}) to ${recipient}, end ${end}: ${found.what}`);
          if (found.what.startsWith('lost')) lost += 1;
          else twice += 1;
        }
      }
  return { wrong, lost, twice, windows };
}

interface Found {
  readonly what: string;
  readonly window?: string | undefined;
}

interface Case {
  readonly mail: Mail;
  readonly recipient: string;
  readonly end: string;
}

function judgeEnd(evidence: Evidence, one: Case): Found | undefined {
  const { mail, recipient, end } = one;
  const { copies, told } = evidence.account.end(mail, end);
  const places = evidence.operator.everPosted.get(end);
  const stranger = copies.find(({ place }) => places && !places.has(place));
  if (stranger) return { what: `it came to ${stranger.place}, where ${end} never was` };
  const count = copies.length + told.length;
  if (!mail.accepted.has(recipient)) {
    if (mail.refused.has(recipient) && copies.length > 0 && mail.answersLost === 0)
      return { what: `refused at the door, and came ${copies.length} times` };
    return undefined;
  }
  if (count === 0) return { what: 'lost: nothing came, and nobody was told', window: lossWindow(evidence, one) };
  if (copies.length > 0 && told.length > 0)
    return {
      what: `it came, and its sender was told that it did not (${told[0]?.text})`,
      window: twiceWindow(evidence, one),
    };
  if (count > 1)
    return {
      what: `it came ${copies.length} times, its sender was told ${told.length} times: ${JSON.stringify([...copies, ...told])}`,
      window: twiceWindow(evidence, one),
    };
  if (told.length > 0 && isNeedless(one)) return { what: `given back for no reason: ${told[0]?.text}` };
  return undefined;
}

/** A person who is known, by the address that everybody writes to, is always reached. */
function isNeedless({ end, recipient }: Case): boolean {
  return recipient === `${end}@example.org` && end !== 'nobody';
}

/** A laptop that was lost, with what only it had. */
function lossWindow({ operator }: Evidence, { mail, recipient }: Case): string | undefined {
  const accepted = mail.accepted.get(recipient) ?? 0;
  const gone = operator.restored.some(({ office, at }) => office === mail.door && accepted <= at);
  return gone ? 'lost with the laptop that alone had it' : undefined;
}

/** After a server's yes the relay has so long to note it, and may die or fail before that. */
const NOTING_MS = 300_000;

function twiceWindow({ account, operator, taken }: Evidence, { mail, end, recipient }: Case): string | undefined {
  if (!mail.hasMessageId && mail.attempts > 1) return 'without a Message-ID, handed in again';
  const { copies, told } = account.end(mail, end);
  const times = [...copies, ...told].map(({ time }) => time);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const places = new Set([...copies, ...told].map(({ place }) => place));
  if (operator.restored.some(({ office, at }) => places.has(office) && first <= at && last >= at))
    return 'taken, and then the laptop came back from a backup';
  const accepted = mail.accepted.get(recipient) ?? 0;
  if (operator.restored.some(({ office, at }) => office === mail.door && accepted >= at && mail.answersLost > 0))
    return 'handed in once more at a laptop that came back from a backup';
  const out = taken.filter(({ to, bytes }) => personOf(to) === end && isOf(mail, bytes));
  if (out.length > 0 && out.slice(0, -1).every(isInDoubt)) return "an SMTP server's answer lost, or not noted";
  return undefined;
}

const isOf = ({ number }: Mail, bytes: Buffer): boolean => bytes.includes(`\nSubject: mail ${number}\n`);

const isInDoubt = ({ answerLost, time, by }: Taken): boolean =>
  answerLost || by.troubles.some((trouble) => trouble >= time && trouble <= time + NOTING_MS);
