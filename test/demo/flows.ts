/**
 * Which mail goes in where, and where it must come out: every door, every kind of way. The mails are dealt out in turn,
 * each to the next way that can carry it.
 */
import { smtpForm, type TestMail } from '../support/mails.ts';
import type { OfficeName } from '../support/network.ts';

type DoorName = 'hub-smtp' | 'hub-qmtp' | 'office-smtp' | 'office-qmtp' | 'office-send' | 'office-queue';

export interface Flow {
  readonly door: DoorName;
  /** Whose door, for an office's. */
  readonly office?: OfficeName;
  readonly from: string;
  readonly to: string;
  /** Where copies come out. */
  readonly places: readonly string[];
}

const STAFF = ['mazar/nadia', 'mazar/omid', 'herat/farid', 'herat/holly', 'farah/jamila', 'farah/tom'] as const;

export const FLOWS: readonly Flow[] = [
  { door: 'hub-smtp', from: 'friend@example.com', to: 'holly@example.org', places: ['herat/holly'] },
  { door: 'office-smtp', office: 'herat', from: 'farid@example.org', to: 'friend@example.com', places: ['internet'] },
  { door: 'hub-smtp', from: 'friend@example.com', to: 'nadia@example.org', places: ['mazar/nadia'] },
  { door: 'office-smtp', office: 'mazar', from: 'omid@example.org', to: 'holly@example.org', places: ['herat/holly'] },
  { door: 'office-send', office: 'farah', from: 'jamila@example.org', to: 'friend@example.net', places: ['internet'] },
  { door: 'hub-smtp', from: 'friend@example.net', to: 'tom@example.org', places: ['farah/tom'] },
  { door: 'office-smtp', office: 'herat', from: 'farid@example.org', to: 'holly@example.org', places: ['herat/holly'] },
  { door: 'hub-qmtp', from: 'friend@example.net', to: 'jamila@example.org', places: ['farah/jamila'] },
  {
    door: 'office-queue',
    office: 'herat',
    from: 'farid@herat.example.org',
    to: 'nadia@example.org',
    places: ['mazar/nadia'],
  },
  {
    door: 'office-qmtp',
    office: 'farah',
    from: 'tom@farah.example.org',
    to: 'friend@example.com',
    places: ['internet'],
  },
  { door: 'hub-smtp', from: 'director@example.com', to: 'staff@example.org', places: STAFF },
  { door: 'office-send', office: 'mazar', from: 'nadia@example.org', to: 'farid@example.org', places: ['herat/farid'] },
  { door: 'hub-smtp', from: 'friend@example.com', to: 'zahra@ghazni.example.org', places: ['ghazni'] },
  { door: 'office-smtp', office: 'farah', from: 'jamila@example.org', to: 'omid@example.org', places: ['mazar/omid'] },
];

export interface Sending {
  readonly flow: Flow;
  readonly name: string;
  /** As the door gets it: CRLF for SMTP, as it is elsewhere. */
  readonly wire: Buffer;
  /** As it lies in a Maildir. */
  readonly rest: Buffer;
}

const isSmtp = ({ door, places }: Flow): boolean => door.endsWith('smtp') || places.includes('internet');

/** Whether the way can carry the mail without changing a byte of it. */
function carries(flow: Flow, { bytes }: TestMail): boolean {
  const { fault, rest } = smtpForm(bytes);
  // A way that has SMTP at one end only cannot keep CRs that a file has; and `agent send` adds headers that are missing.
  if (isSmtp(flow) && fault) return false;
  if (!flow.door.endsWith('smtp') && !rest.equals(bytes)) return flow.door === 'hub-qmtp';
  if (flow.door === 'office-send') return ['date', 'from', 'message-id'].every((name) => hasHeader(bytes, name));
  return true;
}

function hasHeader(bytes: Buffer, name: string): boolean {
  const text = bytes.toString('latin1', 0, 20_000);
  return new RegExp(`^${name}:`, 'im').test(text.slice(0, text.search(/\r?\n\r?\n/)));
}

/** Deals the mails out. */
export function deal(mails: readonly TestMail[]): readonly Sending[] {
  let next = 0;
  return mails.map((mail) => {
    const turn = [...FLOWS.keys()].map((index) => (next + index) % FLOWS.length);
    const chosen = turn.find((index) => carries(FLOWS[index] as Flow, mail)) ?? 0;
    const flow = FLOWS[chosen] as Flow;
    if (chosen === next) next = (next + 1) % FLOWS.length;
    const { wire, rest } = flow.door.endsWith('smtp') ? smtpForm(mail.bytes) : { wire: mail.bytes, rest: mail.bytes };
    return { flow, name: mail.name, wire, rest };
  });
}
