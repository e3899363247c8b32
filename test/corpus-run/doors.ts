/**
 * Puts mails in at a door as a careful client does: what got no answer is handed in again, whatever was killed
 * meanwhile. A door remembers a mail by its Message-ID; one without may then come twice, and is named in `unanswered`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../support/program.ts';
import { sendQmtp } from '../support/qmtp-client.ts';
import { NoAnswer, SmtpSession } from '../support/smtp-client.ts';

export interface Item {
  readonly label: string;
  readonly from: string;
  readonly to: string;
  /** As it goes over the door. */
  readonly wire: Buffer;
}

export interface Door {
  /** The program behind the door; undefined while it is dead. */
  daemon(): Daemon | undefined;
  /** Nobody waits any more: stop trying. */
  isOver(): boolean;
  /** Its name in the ready line. */
  readonly listener: 'smtp' | 'qmtp';
}

export interface DoorReport {
  /** Refused for good, with the reason. */
  readonly refused: { readonly label: string; readonly reason: string }[];
  /** Handed over whole, but the answer was lost: handed in again. */
  readonly unanswered: string[];
}

const RETRY_MS = 100;

/** Hands in all items over several connections. */
export async function handIn(door: Door, items: readonly Item[], connections: number): Promise<DoorReport> {
  const report: DoorReport = { refused: [], unanswered: [] };
  const waiting = [...items];
  const hand = door.listener === 'smtp' ? handBySmtp : handByQmtp;
  await Promise.all(Array.from({ length: connections }, () => hand(door, waiting, report)));
  return report;
}

async function handBySmtp(door: Door, waiting: Item[], report: DoorReport): Promise<void> {
  let session: SmtpSession | undefined;
  for (let item = waiting.shift(); item !== undefined && !door.isOver(); ) {
    const { label, from, to, wire }: Item = item;
    try {
      session ??= await SmtpSession.open(addressOf(door));
      const { code, text } = await session.send({ from, to: [to], wire });
      if (code >= 500) report.refused.push({ label, reason: `${code} ${text}` });
      if (code >= 400 && code < 500) await sleep(RETRY_MS);
      else item = waiting.shift();
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (session) report.unanswered.push(label);
      session = undefined;
      await sleep(RETRY_MS);
    }
  }
  await session?.close();
}

const BATCH = 25;

async function handByQmtp(door: Door, waiting: Item[], report: DoorReport): Promise<void> {
  for (let batch = waiting.splice(0, BATCH); batch.length > 0 && !door.isOver(); ) {
    try {
      const answers = await sendQmtp(
        addressOf(door),
        batch.map(({ from, to, wire }) => ({ from, to: [to], body: wire })),
      );
      batch.forEach(({ label }, index) => {
        const answer = answers[index] ?? '';
        if (answer.startsWith('D')) report.refused.push({ label, reason: answer });
      });
      const again = batch.filter((_, index) => answers[index]?.startsWith('Z'));
      if (again.length > 0) await sleep(RETRY_MS);
      batch = [...again, ...waiting.splice(0, BATCH - again.length)];
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      report.unanswered.push(...batch.map(({ label }) => label));
      await sleep(RETRY_MS);
    }
  }
}

function addressOf({ daemon, listener }: Door): { readonly host: string; readonly port: number } {
  const served = daemon();
  if (!served?.isRunning) throw new NoAnswer('it is not served at this moment');
  return served.address(listener);
}
