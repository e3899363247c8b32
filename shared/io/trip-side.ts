/** What a trip needs of the side that it works for: the hub for one office, or the agent. */
import type { Peer } from '../core/delivery.ts';
import type { OfficeLink } from '../core/link-list.ts';
import type { Hello, Welcome } from '../core/trip-greeting.ts';
import type { Ledger } from '../core/trip-ledger.ts';
import type { HistoryLog } from './history-log.ts';
import type { Mail, Place } from './mail.ts';
import type { Entry, ListedEntry } from './maildir.ts';
import type { Note } from './note.ts';
import type { Partials } from './partials.ts';
import type { HeldParts, KnownParts } from './parts.ts';

export interface TripSide {
  readonly place: Place;
  /** The agent speaks first, with HELLO; the hub answers with WELCOME. */
  readonly greeting: Hello | Welcome;
  /** Whom arriving mail is from. */
  readonly peer: Peer;
  /** What is offered comes from here. */
  readonly maildir: string;
  readonly ledger: Ledger;
  readonly partials: Partials;
  /** Folder for bodies in transit. */
  readonly spool: string;
  /** Largest mail that this side takes; 0: any. */
  readonly mailBytesMax: number;
  /** Larger mails stay, and are counted as waiting; 0: none. */
  readonly offerBytesMax: number;
  /** Whether this side offers mail in this trip. */
  readonly offers: boolean;
  /** Each byte of the link has its price: no time is too long to save some. */
  readonly isDear: boolean;
  /** Seconds without a byte from the other side after which the link is taken for cut. */
  readonly idleSeconds: number;
  now(): number;
  /** Asked before each mail is accepted; throws TripRefused when the other side has lost its right to send. */
  admit(): Promise<void>;
  /** Makes the ledger durable. */
  save(): Promise<void>;
  /** Called when the trip has ended and what came of a frame is on disk, before the last `save`. */
  ended?(): Promise<void>;
  /** Runs alone among all that chooses or moves entries of the maildir. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Larger mails than this are refused by the other side for good, as far as is known; 0: none. */
  peerBytesMax(): number;
  /** Codecs that the other side reads, as bits. */
  peerCodecs(): number;
  /** What earlier mail left, for each direction. */
  readonly history: { readonly out: HistoryLog; readonly in: Pick<HistoryLog, 'history' | 'append' | 'save'> };
  /** Asked of an entry before it is first offered: `gone` when another has taken its place, `stays` when one is to, later. */
  replaced?(entry: ListedEntry, note: Note | undefined): Promise<'gone' | 'stays' | undefined>;
  /** Called for an entry that stays because of its size, in each trip. */
  tooLarge?(entry: ListedEntry): Promise<void>;
  /** Called when a mail of the other side has been accepted; before that is said. */
  accepted?(mail: Mail): Promise<void>;
  /** Large binaries that the link has carried once. */
  readonly parts: { readonly out: KnownParts; readonly in: HeldParts };
  /** Called before an entry that was accepted is removed. */
  delivered?(entry: Entry): Promise<void>;
  /** The agent hears the hub's greeting. */
  welcomed?(welcome: Welcome): Promise<void>;
  /** A directory for the other side, as a packed frame; it goes before all mail. */
  readonly directory?: Uint8Array;
  takeDirectory?(frame: Uint8Array): Promise<void>;
  /** The agent's links as text (core/link-list.ts), when the hub has not heard of them yet. */
  readonly links?: string;
  takeLinks?(links: readonly OfficeLink[]): Promise<void>;
  readonly restore?: Restore;
  /** Which mails, by id, this side has never accepted. */
  lacking?(ids: readonly string[]): Promise<readonly boolean[]>;
  onPublished(listener: (maildir: string, key?: string) => void): () => void;
  /** Called when anything has moved. */
  progress?(counts: TripCounts): void;
}

/** Offers a readmitted office what it lacks of what was delivered before. */
export interface Restore {
  /** The next ids to ask for; none when all have been asked. */
  next(): Promise<readonly string[]>;
  /** Those of the last ones that the office lacks. */
  lacks(ids: readonly string[]): Promise<void>;
}

/** What one direction of a trip carried. */
export interface Carried {
  mails: number;
  /** Bytes of the mails. */
  bytesRaw: number;
}

export interface TripCounts {
  readonly sent: Readonly<Carried>;
  readonly received: Readonly<Carried>;
  /** Frames that went on where an earlier trip was cut. */
  readonly resumed: number;
}

/** The trip ends with a sentence for the other side: exit code 75 or 77 there. */
export class TripRefused extends Error {
  readonly exit: number;
  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}

/** The link ended before the trip did. What had arrived stands. */
export class TripCut extends Error {}
