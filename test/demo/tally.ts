/** What the demo's mails come to, office by office. */
import type { Ledger } from '../support/ledger.ts';
import type { Sending } from './flows.ts';

export interface OfficeRow {
  readonly office: string;
  /** Mails that come from elsewhere; one for several people there counts once, as it travels once. */
  readonly mailsIn: number;
  readonly mailsOut: number;
  /** From one to another of the same office: these never see the link. */
  readonly inside: number;
  /** Of the mails in and out. */
  readonly bytesRaw: number;
  readonly bytesLink: number;
  /** Copies in its mailboxes that came once and with their own bytes. */
  readonly identical: number;
  readonly wanted: number;
}

export function tally(office: string, sendings: readonly Sending[], ledger: Ledger, bytesLink: number): OfficeRow {
  const comesHere = ({ flow }: Sending): boolean => flow.places.some((place) => place.startsWith(office));
  const inside = sendings.filter((sending) => sending.flow.office === office && comesHere(sending));
  const mailsIn = sendings.filter((sending) => sending.flow.office !== office && comesHere(sending));
  const mailsOut = sendings.filter((sending) => sending.flow.office === office && !comesHere(sending));
  const { came, wanted } = ledger.count(office);
  return {
    office,
    mailsIn: mailsIn.length,
    mailsOut: mailsOut.length,
    inside: inside.length,
    bytesRaw: [...mailsIn, ...mailsOut].reduce((sum, { rest }) => sum + rest.length, 0),
    bytesLink,
    identical: came,
    wanted,
  };
}
