import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFrameHead, encodeFrameHead } from '../../shared/core/frame.ts';
import { encodeLinks, type OfficeLink } from '../../shared/core/link-list.ts';
import { Trip, type TripEvent } from '../../shared/core/trip.ts';
import { decodeHello, encodeHello, encodeWelcome, type Hello, type Welcome } from '../../shared/core/trip-greeting.ts';
import { Ledger, WINDOW } from '../../shared/core/trip-ledger.ts';
import {
  CODEC,
  decodeAnswer,
  encodeAccepted,
  encodeAnswer,
  encodeDone,
  encodeNumber,
  encodeOffer,
  encodePartial,
  type Offer,
} from '../../shared/core/trip-message.ts';
import { encodeRecord, encodeVarint, RECORD, RecordReader, TripError } from '../../shared/core/trip-record.ts';

const HELLO: Hello = {
  version: 1,
  instance: '0011223344556677',
  counter: 2,
  up: true,
  down: true,
  codecs: 2,
  directory: '',
  mailBytesMax: 0,
  floor: 1,
};
const payloadOf = (record: Uint8Array): Uint8Array => [...new RecordReader().push(record)][0]?.payload ?? record;
const WELCOME: Welcome = { version: 1, time: 1_795_000_000, codecs: 2, mailBytesMax: 0, floor: 1 };
const READY = encodeRecord(RECORD.ready);
const HASH = 'aabbccddeeff0011';
const OFFER: Offer = { seq: 1, hash: HASH, codec: CODEC.zstd, base: '', length: 4, packed: 9, start: 0 };
const data = (...bytes: number[]): Uint8Array => encodeRecord(RECORD.data, Uint8Array.from(bytes));

const hub = (ledger = new Ledger()): Trip => new Trip({ side: 'hub', ledger });
const hear = (trip: Trip, ...records: readonly Uint8Array[]): readonly TripEvent[] => [
  ...trip.receive(Buffer.concat(records)),
];
const GREETING = [encodeHello(HELLO), READY];

test('what the agent asks of a trip reaches the hub', () => {
  for (const asked of [
    {},
    { halfDuplex: true },
    { plain: true },
    { dear: true },
    { up: false, halfDuplex: true, dear: true },
  ])
    expect(decodeHello(payloadOf(encodeHello({ ...HELLO, ...asked })))).toEqual({ ...HELLO, ...asked });
});

test('the example in PROTOCOL.md is what this program says', () => {
  const text = readFileSync(new URL('../../shared/PROTOCOL.md', import.meta.url), 'utf8');
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const example = text.slice(text.indexOf('## Example')).replace(/\s+/g, '').toLowerCase();
  for (const record of [encodeHello(HELLO), encodeWelcome(WELCOME), encodeDone({ mails: 0, bytes: 0 })])
    expect(example).toContain(hex(record));
});

describe('records', () => {
  test.each([1, 2, 3, 7, 1000])('arrive the same in pieces of %i bytes', (size) => {
    const stream = Buffer.concat([
      ...GREETING,
      encodeOffer(OFFER),
      data(1, 2),
      data(3, 4),
      encodeDone({ mails: 300, bytes: 70_000 }),
    ]);
    const trip = hub();
    const events: TripEvent[] = [];
    for (let at = 0; at < stream.length; at += size) events.push(...trip.receive(stream.subarray(at, at + size)));
    const bytes = events.flatMap((event) => (event.type === 'data' ? [...event.bytes] : []));
    expect(bytes).toEqual([1, 2, 3, 4]);
    expect(events.filter(({ type }) => type !== 'data').map(({ type }) => type)).toEqual([
      'hello',
      'ready',
      'offer',
      'arrived',
      'done',
    ]);
  });

  test.each<[string, readonly number[]]>([
    ['of no known type', [0, 0]],
    ['of a type below the optional ones that a later version may have', [40, 0]],
    ['that claim 2^53 bytes', [RECORD.hello, 255, 255, 255, 255, 255, 255, 255, 15]],
    ['of DATA without bytes', [RECORD.data, 0]],
    ['with a length that is longer than it needs', [RECORD.ready, 128, 0]],
    ['with a length of zeros that go on beyond all numbers', [RECORD.hello, ...Array<number>(200).fill(128), 5]],
    ['of DATA with such a length', [RECORD.data, ...Array<number>(200).fill(128), 5, 1, 2]],
    ['larger than their type may be', [RECORD.hello, 0x81, 2]],
  ])('%s end the trip', (_, bytes) => {
    expect(() => [...new RecordReader().push(Uint8Array.from(bytes))]).toThrow(TripError);
  });

  test('of later, optional types are passed over', () => {
    expect(hear(hub(), encodeHello(HELLO), encodeRecord(99, Buffer.alloc(4_000)), READY).length).toBe(2);
  });

  test('of the links are told to the hub, and those of no list end the trip', () => {
    const links: readonly OfficeLink[] = [
      { name: 'iridium', pricePerMb: 100, priceStep: 20, bytesPerSecond: 256, mailBytesMax: 20_000, currency: '؋ ' },
      { name: 'lan' },
    ];
    const greeting = new Trip({ side: 'agent', ledger: new Ledger() }).greet(HELLO, [], encodeLinks(links));
    expect(hear(hub(), greeting)).toMatchObject([{ type: 'hello' }, { type: 'links', links }, { type: 'ready' }]);
    const later = encodeRecord(RECORD.links, Buffer.from('iridium mb=100 later=yes'));
    expect(hear(hub(), encodeHello(HELLO), later).at(-1)).toEqual({
      type: 'links',
      links: [{ name: 'iridium', pricePerMb: 100 }],
    });
    for (const text of ['no\nname here\n\n', 'iridium mb=much', 'iridium cur=%E2'])
      expect(() => hear(hub(), encodeHello(HELLO), encodeRecord(RECORD.links, Buffer.from(text)))).toThrow(TripError);
  });

  test('HELLO says how much may come down, and costs nothing when any may', () => {
    const limited = encodeHello({ ...HELLO, downBytesMax: 70_000 });
    expect(hear(hub(), limited)).toEqual([{ type: 'hello', hello: { ...HELLO, downBytesMax: 70_000 } }]);
    expect(limited.length - encodeHello(HELLO).length).toBe(3);
    expect(hear(hub(), encodeHello(HELLO))).toEqual([{ type: 'hello', hello: HELLO }]);
  });

  test('any bytes at all give events or a TripError', () => {
    const start = fc.constantFrom<readonly Uint8Array[]>([], GREETING, [...GREETING, encodeOffer(OFFER)]);
    const record = fc
      .tuple(fc.integer({ min: 1, max: 14 }), fc.uint8Array({ maxLength: 40 }))
      .map(([type, payload]) => Buffer.concat([Uint8Array.of(type), encodeVarint(payload.length), payload]));
    fc.assert(
      fc.property(
        start,
        fc.array(fc.oneof(record, fc.uint8Array({ maxLength: 20 })), { maxLength: 8 }),
        (before, parts) => {
          const trip = hub();
          hear(trip, ...before);
          try {
            hear(trip, ...parts);
          } catch (error) {
            expect(error).toBeInstanceOf(TripError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('what is out of order ends the trip', () => {
  const cases: readonly [string, readonly Uint8Array[]][] = [
    ['no greeting', [READY]],
    ["the other side's greeting", [encodeWelcome(WELCOME)]],
    ['two greetings', [encodeHello(HELLO), encodeHello(HELLO)]],
    ['an offer in the greeting', [encodeHello(HELLO), encodeOffer(OFFER)]],
    ['data without an offer', [...GREETING, data(1)]],
    ['data past the end of its frame', [...GREETING, encodeOffer(OFFER), data(1, 2, 3, 4, 5)]],
    ['an offer inside a frame', [...GREETING, encodeOffer(OFFER), data(1), encodeOffer({ ...OFFER, seq: 2 })]],
    ['an offer again before its answer', [...GREETING, encodeOffer(OFFER), data(1, 2, 3, 4), encodeOffer(OFFER)]],
    ['a start that was never held', [...GREETING, encodeOffer({ ...OFFER, start: 2 })]],
    ['a frame without bytes', [...GREETING, encodeOffer({ ...OFFER, length: 0 })]],
    ['a frame of 2^53 bytes', [...GREETING, encodeOffer({ ...OFFER, length: 2 ** 53 - 1 })]],
    ['a codec that nobody knows', [...GREETING, encodeOffer({ ...OFFER, codec: 7 })]],
    ['a number beyond the window', [...GREETING, encodeOffer({ ...OFFER, seq: 1 + WINDOW })]],
    ['done in the middle of a frame', [...GREETING, encodeOffer(OFFER), encodeDone({ mails: 0, bytes: 0 })]],
    ['an answer to a question that was not asked', [...GREETING, encodeRecord(RECORD.lacking)]],
    [
      'more accepted than can be open',
      [...GREETING, encodeRecord(RECORD.accepted, encodeVarint(1), encodeVarint(WINDOW + 1))],
    ],
    ['a floor that falls', [...GREETING, encodeNumber(RECORD.floor, 9), encodeNumber(RECORD.floor, 8)]],
  ];
  test.each(cases)('%s', (_, records) => {
    expect(() => hear(hub(), ...records)).toThrow(TripError);
  });

  test('an offer below the floor', () => {
    const ledger = new Ledger({ next: 1, open: [], floor: 5, answered: [] });
    expect(() => hear(hub(ledger), ...GREETING, encodeOffer({ ...OFFER, seq: 4 }))).toThrow('below the floor');
  });
});

test('a frame goes on where the greeting said, and an answered one may be left in the middle', () => {
  const trip = hub();
  trip.greet(WELCOME, [{ seq: 1, hash: HASH, held: 3 }]);
  const events = hear(trip, ...GREETING, encodeOffer({ ...OFFER, start: 3 }), data(9));
  expect(events.at(-1)?.type).toBe('arrived');
  hear(trip, encodeOffer({ ...OFFER, seq: 2 }), data(1));
  trip.answer(new Map([[2, [{ letter: 'D', text: 'too large' }]]]));
  expect(hear(trip, encodeOffer({ ...OFFER, seq: 3 }))[0]?.type).toBe('offer');
});

test('a sender goes on only in a frame of the same hash', () => {
  const agent = new Trip({ side: 'agent', ledger: new Ledger() });
  hear(
    agent,
    encodeWelcome(WELCOME),
    encodePartial({ seq: 1, hash: HASH, held: 3 }),
    encodePartial({ seq: 2, hash: HASH, held: 9 }),
    READY,
  );
  const frame = { codec: 1, base: '', length: 4, packed: 9 };
  expect(agent.offer({ ...frame, seq: 1, hash: HASH }).start).toBe(3);
  expect(agent.offer({ ...frame, seq: 2, hash: HASH }).start).toBe(0);
  expect(agent.offer({ ...frame, seq: 1, hash: '0000000000000000' }).start).toBe(0);
});

describe('answers', () => {
  test('of ten thousand recipients with one fate are a few bytes', () => {
    const verdicts = Array.from({ length: 10_000 }, () => ({ letter: 'D', text: 'no such user (#5.1.1)' }) as const);
    const record = encodeAnswer(5, verdicts);
    expect(record.length).toBeLessThan(40);
    expect(decodeAnswer(record.subarray(2))).toEqual({ seq: 5, verdicts });
  });

  test('of as many different ones keep within the bound', () => {
    const verdicts = Array.from(
      { length: 50_000 },
      (_, n) => ({ letter: 'Z', text: `${n} ${'x'.repeat(500)}` }) as const,
    );
    expect(encodeAnswer(5, verdicts).length).toBeLessThan(1_000_100);
  });

  test('that accept a run are one record', () => {
    expect(encodeAccepted([3, 1, 2, 7]).length).toBe(2 * 4);
  });

  test('are given again in the next greeting until the floor has passed them', () => {
    const ledger = new Ledger();
    for (const seq of [1, 2, 3]) ledger.answer(seq, 'K');
    const reborn = new Ledger(ledger.data);
    const agent = new Trip({ side: 'agent', ledger: new Ledger() });
    const events = hear(agent, new Trip({ side: 'hub', ledger: reborn }).greet(WELCOME, []));
    expect(events.filter(({ type }) => type === 'answered').length).toBe(3);
    reborn.raise(3);
    expect([...reborn.answered.keys()]).toEqual([3]);
  });
});

describe('frame heads', () => {
  const head = { sender: '', recipients: ['a@x.org', 'ä@x.org'], hops: 3, urgency: 5 };

  test('are read from however little has come', () => {
    const bytes = Buffer.concat([encodeFrameHead(head), Buffer.from('body')]);
    const length = bytes.length - 4;
    for (let end = 0; end <= bytes.length; end += 1) {
      expect(decodeFrameHead(bytes.subarray(0, end))).toEqual(end < length ? undefined : { head, length });
    }
  });

  test.each([
    ['of another kind', Uint8Array.of(9)],
    ['without recipients', encodeFrameHead({ ...head, recipients: [] })],
    ['with a line end in an address', encodeFrameHead({ ...head, recipients: ['a\nb@x.org'] })],
    ['with too long an address', encodeFrameHead({ ...head, sender: `${'a'.repeat(1_000)}@x.org` })],
    ['with more hops than can be', encodeFrameHead({ ...head, hops: 1_000 })],
  ])('%s are none', (_, bytes) => {
    expect(() => decodeFrameHead(bytes)).toThrow(TripError);
  });
});

describe('a side that came back from a backup', () => {
  const greeting = (floor: number, ...answered: number[]): readonly Uint8Array[] => [
    encodeHello({ ...HELLO, floor }),
    encodeAccepted(answered),
    READY,
  ];
  const oldHub = (): Ledger => new Ledger({ next: 40, open: [], floor: 30, answered: [] });

  test('does not give a number again that the peer has an answer for, and says where it goes on', () => {
    const ledger = oldHub();
    const trip = hub(ledger);
    hear(trip, ...greeting(60, 40, 41, 44));
    expect([ledger.offer(['one']), trip.renumbered, ledger.outFloor]).toEqual([45, true, 45]);
  });

  test('an answer for what it has offered changes no number', () => {
    const ledger = oldHub();
    const trip = hub(ledger);
    hear(trip, ...greeting(60, 38, 39));
    expect([ledger.offer(['one']), trip.renumbered]).toEqual([40, false]);
  });

  test('after the greeting no answer moves the numbers', () => {
    const ledger = oldHub();
    hear(hub(ledger), ...greeting(60), encodeAccepted([77]));
    expect(ledger.offer(['one'])).toBe(40);
  });

  test('says a lower floor in its greeting: its old answers are forgotten, and its numbers are new', () => {
    const ledger = new Ledger({ next: 1, open: [], floor: 50, answered: [[52, 'K']], hashes: [[52, HASH]] });
    ledger.greeted(40);
    expect([ledger.floor, [...ledger.answered]]).toEqual([40, []]);
    ledger.greeted(45);
    expect(ledger.floor).toBe(45);
  });

  test('offers another frame under an answered number: the answer is not for that one', () => {
    const answered = (): Ledger =>
      new Ledger({ next: 1, open: [], floor: 1, answered: [[1, 'K']], hashes: [[1, HASH]] });
    expect(hear(hub(answered()), ...GREETING, encodeOffer(OFFER))).toContainEqual({
      type: 'offer',
      offer: OFFER,
      known: true,
    });
    const other = { ...OFFER, hash: '1'.repeat(16) };
    const ledger = answered();
    expect(hear(hub(ledger), ...GREETING, encodeOffer(other))).toContainEqual({
      type: 'offer',
      offer: other,
      known: false,
    });
    expect(ledger.answered.has(1)).toBe(false);
  });
});
