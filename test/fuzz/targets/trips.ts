/** What an office and a hub say to each other: records, messages, whole trips, batches. */
import { BatchReader, encodeAnsweredFrames, encodeBatchMark } from '../../../shared/core/batch.ts';
import { decodeFrameHead, encodeFrameHead } from '../../../shared/core/frame.ts';
import { CONTENT_BYTES_MAX } from '../../../shared/core/group.ts';
import { Trip } from '../../../shared/core/trip.ts';
import * as greeting from '../../../shared/core/trip-greeting.ts';
import { Ledger, WINDOW } from '../../../shared/core/trip-ledger.ts';
import * as message from '../../../shared/core/trip-message.ts';
import { encodeRecord, encodeVarint, RECORD, RecordReader, TripError } from '../../../shared/core/trip-record.ts';
import { type FuzzTarget, faultOf, type Heard, must, only, pieces, sameInPieces } from '../target.ts';

const HELLO: greeting.Hello = {
  version: 1,
  instance: '0011223344556677',
  counter: 2,
  up: true,
  down: true,
  codecs: message.CODECS_KNOWN,
  directory: 'ab'.repeat(16),
  mailBytesMax: 20_000,
  floor: 1,
};
const WELCOME: greeting.Welcome = {
  version: 1,
  time: 1_795_000_000,
  codecs: 14,
  mailBytesMax: 0,
  floor: 1,
  halfDuplex: true,
};
const HASH = 'aabbccddeeff0011';
const OFFER: message.Offer = {
  seq: 1,
  hash: HASH,
  codec: message.CODEC.zstd,
  base: '',
  length: 4,
  packed: 9,
  start: 0,
};
const GROUP: message.Offer = { ...OFFER, seq: 2, codec: message.CODEC.brotli, base: '00'.repeat(8) };
const READY = encodeRecord(RECORD.ready);
const LINKS = encodeRecord(RECORD.links, Buffer.from('iridium mb=100 min=1.44 cur=USD\nvsat max=20000'));
const data = (...bytes: number[]): Uint8Array => encodeRecord(RECORD.data, Uint8Array.from(bytes));
const verdicts = [
  { letter: 'K', text: '' },
  { letter: 'D', text: 'no such user (#5.1.1)' },
  { letter: 'D', text: 'no such user (#5.1.1)' },
] as const;
const BODY = [
  encodeMany(),
  message.encodeOffer(OFFER),
  data(1, 2, 3),
  encodeRecord(RECORD.pulse),
  data(4),
  message.encodeOffer(GROUP),
  data(1, 2, 3, 4),
  message.encodeOffer({ ...OFFER, seq: 0, length: 2 }),
  data(9, 9),
  message.encodeNumber(RECORD.floor, 3),
  message.encodeRepeat({ seq: 1, tip: HASH }),
  message.encodeAsk(['cd'.repeat(32)]),
  message.encodeDone({ mails: 3, bytes: 70_000 }),
  encodeRecord(RECORD.turn),
];

function encodeMany(): Uint8Array {
  return Buffer.concat([message.encodeAccepted([1, 2, 5]), message.encodeAnswer(6, verdicts)]);
}

const PARTIAL = message.encodePartial({ seq: 1, hash: HASH, held: 2 });
const REFUSED = message.encodeRefusal({ exit: 77, text: 'revoked' });
const TOKENS = [
  READY,
  ...BODY,
  PARTIAL,
  REFUSED,
  encodeVarint(2 ** 53 - 1),
  encodeVarint(2 ** 40),
  Buffer.alloc(160, 0x80),
];

const records: FuzzTarget = {
  name: 'trip-record',
  of: 'shared/core/trip-record.ts',
  seeds: () => [
    Buffer.concat([greeting.encodeHello(HELLO), READY, ...BODY]),
    Buffer.concat([encodeRecord(99, Buffer.alloc(1_500)), READY]),
  ],
  tokens: TOKENS,
  sizeMax: 2_500,
  allows: only(TripError),
  run(input) {
    const heard = sameInPieces(input, hearRecords);
    const wanted = recordsOf(input);
    must(
      heard.fault === '' ? heard.said === wanted : wanted.startsWith(heard.said),
      'records are as they were written',
    );
    return heard.fault || String(Math.min(heard.said.length, 100));
  },
};

/** How DATA is cut is free; what it says is not. */
function hearRecords(parts: readonly Buffer[]): Heard {
  const reader = new RecordReader();
  let said = '';
  const fault = faultOf(only(TripError), () => {
    for (const part of parts)
      for (const { type, payload } of reader.push(part)) {
        must(payload.length <= 1_000_000, 'a record is bounded');
        must(type !== RECORD.data || payload.length > 0, 'a piece of DATA has bytes');
        said += `${type === RECORD.data ? '' : `|${type}|`}${Buffer.from(payload).toString('latin1')}`;
      }
  });
  return { said, fault };
}

/** The same by the letter of PROTOCOL.md, as far as the bytes go: a type, a length in as few bytes as it needs, a payload. */
function recordsOf(input: Buffer): string {
  let said = '';
  for (let at = 0; at < input.length; ) {
    const type = input[at] ?? 0;
    let length = 0;
    let size = 0;
    for (let byte = 128; byte >= 128; size += 1) {
      if (size === 5 || at + 1 + size >= input.length) return said;
      byte = input[at + 1 + size] ?? 0;
      if (byte === 0 && size > 0) return said;
      length += (byte & 127) * 128 ** size;
    }
    const payload = input.subarray(at + 1 + size, at + 1 + size + length);
    if (type === RECORD.data) said += payload.toString('latin1');
    else if (payload.length === length) said += `|${type}|${payload.toString('latin1')}`;
    at += 1 + size + length;
  }
  return said;
}

/** Decodes, encodes, and decodes again: the second time it is what it was. */
const again =
  <T>(decode: (bytes: Uint8Array) => T, encode: (value: T) => Uint8Array) =>
  (payload: Buffer): string => {
    const value = decode(payload);
    let record: Uint8Array;
    try {
      record = encode(value);
    } catch (error) {
      // More than a record of ours holds: only what we say is bounded so.
      if (error instanceof RangeError) return 'beyond what we send';
      throw error;
    }
    const [part] = new RecordReader().push(record);
    must(part !== undefined, 'it can be said');
    const once = JSON.stringify(value);
    const twice = JSON.stringify(decode(part.payload));
    must(once === twice, `said again ${once.slice(0, 200)} is ${twice.slice(0, 200)}`);
    return once.replace(/[^a-z{}[\]]/gi, '').slice(0, 40);
  };

const MESSAGES: readonly ((payload: Buffer) => string)[] = [
  again(greeting.decodeHello, greeting.encodeHello),
  again(greeting.decodeWelcome, greeting.encodeWelcome),
  again(message.decodePartial, message.encodePartial),
  again(message.decodeOffer, message.encodeOffer),
  again(message.decodeRepeat, message.encodeRepeat),
  again(message.decodeDone, message.encodeDone),
  again(message.decodeAsk, message.encodeAsk),
  again(message.decodeNumber, (value) => message.encodeNumber(RECORD.floor, value)),
  (payload) => {
    const { seq, verdicts: given } = message.decodeAnswer(payload);
    must(given.length <= message.RECIPIENTS_MAX, 'an answer is bounded');
    return `${given.length} ${Math.min(seq, 2)}`;
  },
  (payload) => {
    const { text } = message.decodeRefusal(payload);
    must(Buffer.byteLength(text) <= 3_000, 'a refusal is bounded');
    return 'refusal';
  },
  (payload) => String(message.decodeLacking(payload, 11).length),
  (payload) => `${message.decodeAccepted(payload).count > 1}`,
];

const payloadOf = (record: Uint8Array): Buffer => {
  const [part] = new RecordReader().push(record);
  return Buffer.from(part?.payload ?? []);
};

const messages: FuzzTarget = {
  name: 'trip-message',
  of: 'shared/core/trip-message.ts',
  seeds: () =>
    [
      greeting.encodeHello(HELLO),
      greeting.encodeWelcome(WELCOME),
      PARTIAL,
      message.encodeOffer(GROUP),
      message.encodeRepeat({ seq: 1, tip: HASH }),
      message.encodeDone({ mails: 300, bytes: 7 }),
      message.encodeAsk(['cd'.repeat(32)]),
      message.encodeNumber(RECORD.floor, 70_000),
      message.encodeAnswer(6, verdicts),
      REFUSED,
      message.encodeLacking(Array.from({ length: 11 }, (_, index) => index % 2 === 0)),
      message.encodeAccepted([1, 2, 3]),
    ].map((record, index) => Buffer.concat([Uint8Array.of(index), payloadOf(record)])),
  tokens: [encodeVarint(2 ** 53 - 1), encodeVarint(2 ** 49), encodeVarint(50_000), Buffer.alloc(9, 0x80)],
  allows: only(TripError),
  run: (input) => MESSAGES[(input[0] ?? 0) % MESSAGES.length]?.(input.subarray(1)) ?? '',
};

const frameHead: FuzzTarget = {
  name: 'frame-head',
  of: 'shared/core/frame.ts',
  seeds: () => [
    encodeFrameHead({
      sender: 'farid@herat.example.org',
      recipients: ['friend@example.com', 'ü@example.net'],
      hops: 3,
      urgency: 5,
    }),
    encodeFrameHead({ sender: '', recipients: ['a'], hops: 0, urgency: 1 }),
  ],
  tokens: [encodeVarint(50_000), encodeVarint(999), encodeVarint(2 ** 53 - 1), '\n', '\u0000', '\ufffd'],
  allows: only(TripError),
  run(input) {
    const decoded = decodeFrameHead(input);
    if (!decoded) return 'more is needed';
    const { head, length } = decoded;
    must(Buffer.from(encodeFrameHead(head)).equals(input.subarray(0, length)), 'written again it is the same');
    must(![head.sender, ...head.recipients].some((one) => /[\r\n\u0000]/.test(one)), 'no address breaks a line');
    return `a head to ${Math.min(head.recipients.length, 3)}`;
  },
};

function hearTrip(side: 'agent' | 'hub', parts: readonly Buffer[]): Heard {
  const ledger = new Ledger();
  const trip = new Trip({ side, ledger });
  trip.greet(side === 'hub' ? WELCOME : HELLO, [{ seq: 1, hash: HASH, held: 2 }]);
  let said = '';
  let left = 0;
  const fault = faultOf(only(TripError), () => {
    for (const part of parts)
      for (const event of trip.receive(part)) {
        if (event.type === 'data') {
          left -= event.bytes.length;
          must(left >= 0, 'no more bytes than were announced');
          said += Buffer.from(event.bytes).toString('latin1');
          continue;
        }
        said += `\n${JSON.stringify(event)}`;
        if (event.type === 'offer') {
          const { length, start, packed, codec, seq } = event.offer;
          must(start === 0 || start === 2, 'it starts at 0, or where we are');
          must(
            !message.isGroup(codec) || (packed <= CONTENT_BYTES_MAX && length <= CONTENT_BYTES_MAX),
            'a group is bounded',
          );
          must(seq < ledger.floor + WINDOW, 'no further ahead than can be remembered');
          left = length - start;
        } else if (event.type === 'arrived') {
          must(left === 0, 'what arrived is whole');
          if (event.offer.seq > 0) trip.answer(new Map([[event.offer.seq, 'K']]));
        }
      }
  });
  must(ledger.answered.size <= WINDOW, 'what is remembered is bounded');
  return { said, fault };
}

const trips: FuzzTarget = {
  name: 'trip',
  of: 'shared/core/trip.ts, shared/core/trip-ledger.ts',
  seeds: () => [
    Buffer.concat([
      Uint8Array.of(0),
      greeting.encodeHello({ ...HELLO, downBytesMax: 70_000 }),
      encodeMany(),
      PARTIAL,
      LINKS,
      READY,
      ...BODY,
    ]),
    Buffer.concat([Uint8Array.of(1), greeting.encodeWelcome(WELCOME), encodeMany(), READY, ...BODY, REFUSED]),
    Buffer.concat([
      Uint8Array.of(0),
      greeting.encodeHello(HELLO),
      READY,
      message.encodeOffer({ ...OFFER, start: 2 }),
      data(3, 4),
    ]),
  ],
  tokens: TOKENS,
  sizeMax: 1_500,
  allows: only(TripError),
  run(input) {
    const side = (input[0] ?? 0) % 2 === 0 ? 'hub' : 'agent';
    // In which of two ways an overrun is told depends on the pieces; that it is told does not.
    const { said, fault } = hearTrip(side, [input.subarray(1)]);
    const other = hearTrip(side, pieces(input.subarray(1)));
    must((fault === '') === (other.fault === ''), `whole it ends with "${fault}", in pieces with "${other.fault}"`);
    must(fault !== '' || said === other.said, 'the same in pieces');
    return fault || said.replace(/\{"type":"([a-z]+)"[^\n]*/g, '$1').slice(0, 50);
  },
};

function hearBatch(way: 'up' | 'down', parts: readonly Buffer[]): Heard {
  const reader = new BatchReader(way);
  let said = '';
  let left = 0;
  const fault = faultOf(only(TripError), () => {
    for (const part of parts)
      for (const event of reader.push(part)) {
        if (event.type === 'data') {
          left -= event.bytes.length;
          must(left >= 0, 'no more bytes than were announced');
          said += Buffer.from(event.bytes).toString('latin1');
          continue;
        }
        said += `\n${JSON.stringify(event)}`;
        if (event.type === 'offer') left = event.offer.length - event.offer.start;
        if (event.type === 'arrived') must(left === 0, 'what arrived is whole');
      }
  });
  return { said, fault };
}

const MARK = encodeBatchMark({ instance: HELLO.instance, point: HASH, settled: 0 });
const ANSWERED = encodeAnsweredFrames(
  new Map([
    [1, HASH],
    [2, HASH],
  ]),
);

const batch: FuzzTarget = {
  name: 'batch',
  of: 'shared/core/batch.ts',
  seeds: () => [
    Buffer.concat([
      Uint8Array.of(0),
      MARK,
      greeting.encodeHello(HELLO),
      ANSWERED,
      encodeMany(),
      READY,
      ...BODY.slice(1, 9),
      message.encodeDone({ mails: 0, bytes: 0 }),
    ]),
    Buffer.concat([
      Uint8Array.of(1),
      MARK,
      ANSWERED,
      greeting.encodeWelcome(WELCOME),
      encodeMany(),
      READY,
      ...BODY.slice(1, 9),
    ]),
  ],
  tokens: [...TOKENS, MARK, ANSWERED],
  sizeMax: 1_500,
  allows: only(TripError),
  run(input) {
    const way = (input[0] ?? 0) % 2 === 0 ? 'up' : 'down';
    const { said, fault } = hearBatch(way, [input.subarray(1)]);
    const other = hearBatch(way, pieces(input.subarray(1)));
    must((fault === '') === (other.fault === ''), `whole it ends with "${fault}", in pieces with "${other.fault}"`);
    must(fault !== '' || said === other.said, 'the same in pieces');
    return fault || said.replace(/\{"type":"([a-z]+)"[^\n]*/g, '$1').slice(0, 50);
  },
};

export const TRIPS = [records, messages, frameHead, trips, batch];
