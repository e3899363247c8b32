/** The first record of either side, HELLO and WELCOME, to and from its payload. The shapes are those of shared/PROTOCOL.md. */
import { encodeRecord, encodeVarint, FieldReader, RECORD, TripError } from './trip-record.ts';

/** The version that this program speaks; a peer's larger one is answered with this. */
export const TRIP_VERSION = 1;

/** The agent's first record. */
export interface Hello {
  readonly version: number;
  /** Names the data folder, 16 hex digits. */
  readonly instance: string;
  /** Trips that this data folder has begun. One that does not grow is a copy, or a folder from a backup. */
  readonly counter: number;
  readonly up: boolean;
  readonly down: boolean;
  /** The two sides speak in turns (TURN). */
  readonly halfDuplex?: boolean;
  /** Mail shall come as plain text over this link. */
  readonly plain?: boolean;
  /** Each byte of the link has its price. */
  readonly dear?: boolean;
  readonly codecs: number;
  /** Hash of the directory that the agent has, 32 hex digits; empty when it has none. */
  readonly directory: string;
  /** Largest mail that the agent takes over this link, bytes; 0: any. */
  readonly mailBytesMax: number;
  /** All offers up below this number are settled. */
  readonly floor: number;
  /** Bytes of the line that the hub may send in this trip; absent: any number. */
  readonly downBytesMax?: number;
}

/** The hub's first record. */
export interface Welcome {
  readonly version: number;
  /** Unix seconds. */
  readonly time: number;
  readonly codecs: number;
  /** Largest mail that the hub takes from this office, bytes; 0: any. */
  readonly mailBytesMax: number;
  /** All offers down below this number are settled. */
  readonly floor: number;
  /** The hub keeps to the turns that the agent asked for; one that is older does not say so, and speaks at once. */
  readonly halfDuplex?: boolean;
}

export const encodeHello = (hello: Hello): Uint8Array =>
  encodeRecord(
    RECORD.hello,
    encodeVarint(hello.version),
    Buffer.from(hello.instance, 'hex'),
    encodeVarint(hello.counter),
    Uint8Array.of(flagsOf(hello), hello.codecs, hello.directory.length / 2),
    Buffer.from(hello.directory, 'hex'),
    encodeVarint(hello.mailBytesMax),
    encodeVarint(hello.floor),
    // What need not be said is not sent.
    hello.downBytesMax === undefined ? Uint8Array.of() : encodeVarint(hello.downBytesMax),
  );

const FLAG = { up: 1, down: 2, halfDuplex: 4, plain: 8, dear: 16 } as const;

const flagsOf = (hello: Hello): number =>
  Object.entries(FLAG).reduce((flags, [name, bit]) => flags | (hello[name as keyof typeof FLAG] ? bit : 0), 0);

/** Later versions may add fields at the end; they are passed over. */
export function decodeHello(payload: Uint8Array): Hello {
  const read = new FieldReader(payload);
  const version = read.varint();
  const instance = read.hex(8);
  const counter = read.varint();
  const [flags = 0, codecs = 0, directoryBytes = 0] = read.bytes(3);
  if (directoryBytes !== 0 && directoryBytes !== 16) throw new TripError('the hash of a directory has 16 bytes');
  const hello = {
    version,
    instance,
    counter,
    up: (flags & FLAG.up) !== 0,
    down: (flags & FLAG.down) !== 0,
    ...((flags & FLAG.halfDuplex) === 0 ? {} : { halfDuplex: true }),
    ...((flags & FLAG.plain) === 0 ? {} : { plain: true }),
    ...((flags & FLAG.dear) === 0 ? {} : { dear: true }),
    codecs,
    directory: read.hex(directoryBytes),
    mailBytesMax: read.varint(),
    floor: read.varint(),
  };
  return read.left > 0 ? { ...hello, downBytesMax: read.varint() } : hello;
}

export const encodeWelcome = (welcome: Welcome): Uint8Array =>
  encodeRecord(
    RECORD.welcome,
    encodeVarint(welcome.version),
    encodeVarint(welcome.time),
    Uint8Array.of(welcome.codecs),
    encodeVarint(welcome.mailBytesMax),
    encodeVarint(welcome.floor),
    // What need not be said is not sent.
    welcome.halfDuplex ? Uint8Array.of(FLAG.halfDuplex) : Uint8Array.of(),
  );

export function decodeWelcome(payload: Uint8Array): Welcome {
  const read = new FieldReader(payload);
  const welcome = {
    version: read.varint(),
    time: read.varint(),
    codecs: read.bytes(1)[0] ?? 0,
    mailBytesMax: read.varint(),
    floor: read.varint(),
  };
  const [flags = 0] = read.left > 0 ? read.bytes(1) : [];
  return (flags & FLAG.halfDuplex) === 0 ? welcome : { ...welcome, halfDuplex: true };
}
