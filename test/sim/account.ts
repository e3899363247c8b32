/**
 * Who was sent what, and what came of it: for each mail and each end that it should reach, the copies that came there and the
 * reports that its sender got.
 */
import { around } from './around.ts';

export interface Mail {
  readonly number: number;
  readonly from: string;
  /** Where it is handed in: an office, or `internet`. */
  readonly door: string;
  /** Ends that each recipient leads to: a person's name, or an address of the Internet. */
  readonly recipients: ReadonlyMap<string, readonly string[]>;
  /** As it is handed in, LF line ends. */
  readonly bytes: Buffer;
  readonly hasMessageId: boolean;
  /** Recipients whom the door took: simulated milliseconds. */
  readonly accepted: Map<string, number>;
  /** Recipients whom the door refused. */
  readonly refused: Set<string>;
  /** Attempts of which the sender did not hear what came. */
  answersLost: number;
  /** Times that all of it was given to the door. */
  attempts: number;
}

export interface Copy {
  /** The office, `hub` or `internet`. */
  readonly place: string;
  /** Name of the file, or number of the transaction. */
  readonly name: string;
  /** Simulated milliseconds. */
  readonly time: number;
}

interface Told {
  readonly place: string;
  readonly name: string;
  readonly time: number;
  readonly text: string;
}

interface End {
  readonly copies: Copy[];
  readonly told: Told[];
}

export class Account {
  readonly mails: Mail[] = [];
  /** What came and nobody sent, what came to the wrong place. */
  readonly strange: string[] = [];
  readonly #ends = new Map<string, End>();

  /** What has come of a mail at one of its ends. */
  end({ number }: Mail, end: string): End {
    const key = `${number} ${end}`;
    const known = this.#ends.get(key) ?? { copies: [], told: [] };
    this.#ends.set(key, known);
    return known;
  }

  /**
   * Something came to an end (a person's name, or an address). `name` tells one copy from another: the same one read again is
   * no second copy.
   */
  came(end: string, bytes: Buffer, { place, name }: { readonly place: string; readonly name: string }): void {
    const text = bytes.toString('latin1');
    const time = around().simulation.now;
    if (/^Content-Type: multipart\/report/m.test(text)) {
      this.#reported(end, text, { place, name, time });
      return;
    }
    const mail = this.#mailOf(text);
    if (!mail) {
      if (!/^Auto-Submitted: auto/m.test(text)) this.strange.push(`${end} at ${place}: ${text.slice(0, 200)}`);
      return;
    }
    if (![...mail.recipients.values()].some((ends) => ends.includes(end)))
      this.strange.push(`mail ${mail.number} came to ${end} at ${place}, for whom it is not`);
    if (!withoutTrace(bytes).equals(mail.bytes))
      this.strange.push(`mail ${mail.number} was changed on its way to ${end}: ${text.slice(0, 300)}`);
    const { copies } = this.end(mail, end);
    if (!copies.some((copy) => copy.place === place && copy.name === name)) copies.push({ place, name, time });
  }

  #mailOf(text: string): Mail | undefined {
    const [, number] = /^Subject: mail (\d+)$/m.exec(text) ?? [];
    return number === undefined ? undefined : this.mails[Number(number)];
  }

  #reported(end: string, text: string, copy: Copy): void {
    const mail = this.#mailOf(text);
    if (!mail) {
      this.strange.push(`a report on nothing came to ${end}`);
      return;
    }
    if (personOf(mail.from) !== end)
      this.strange.push(`a report on mail ${mail.number} came to ${end}, who did not send it`);
    for (const [, recipient = ''] of text.matchAll(/^Final-Recipient: rfc822; (.*)\nAction: failed$/gm)) {
      const [, why = ''] = /^Diagnostic-Code: smtp; (.*)$/m.exec(text) ?? [];
      const ends = mail.recipients.get(recipient) ?? [personOf(recipient)];
      for (const failed of ends) {
        const { told } = this.end(mail, failed);
        if (!told.some(({ place, name }) => place === copy.place && name === copy.name))
          told.push({ ...copy, text: `${recipient}: ${why}` });
      }
    }
  }
}

/** The end that an address is, when it is nobody's alias: a person's name, or an address elsewhere. */
export function personOf(address: string): string {
  const at = address.lastIndexOf('@');
  return address.slice(at).endsWith('example.org') ? address.slice(0, at).toLowerCase() : address.toLowerCase();
}

/** The mail as its sender gave it: our one line is taken off, and what a mailbox has before it. */
function withoutTrace(bytes: Buffer): Buffer {
  let rest = bytes;
  for (const field of ['Return-Path: ', 'Delivered-To: ', 'Received: '])
    if (rest.subarray(0, field.length).toString('latin1') === field) rest = rest.subarray(rest.indexOf(10) + 1);
  return rest;
}
