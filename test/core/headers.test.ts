import { describe, expect, test } from 'vitest';
import { BULK, NORMAL, URGENT } from '../../shared/core/entry.ts';
import {
  countReceived,
  fieldValue,
  HEADER_BYTES_MAX,
  headerBlock,
  headerFields,
  urgencyOf,
} from '../../shared/core/headers.ts';

const block = (text: string): string => Buffer.from(headerBlock(Buffer.from(text))).toString();
const fields = (text: string) => headerFields(headerBlock(Buffer.from(text)));

describe('the header block', () => {
  test.each([
    ['A: 1\nB: 2\n\nbody\n\nmore', 'A: 1\nB: 2\n'],
    ['A: 1\r\nB: 2\r\n\r\nbody', 'A: 1\r\nB: 2\r\n'],
    ['\nbody: no field\n', ''],
    ['\r\nbody: no field\n', ''],
    ['A: 1\n', 'A: 1\n'],
    ['', ''],
    ['no end', 'no end'],
  ])('%j', (mail, expected) => expect(block(mail)).toBe(expected));

  test('is bounded', () => {
    expect(block(`A: ${'x'.repeat(2 * HEADER_BYTES_MAX)}\n\n`)).toHaveLength(HEADER_BYTES_MAX);
  });
});

describe('fields', () => {
  test('are unfolded, compared without case, and only what is a field', () => {
    const found = fields(
      'Subject: one\n two\n\tthree\nmessage-ID : <1@x>\nnot a field\nFrom x\nX-É: no\nReceived: a\nRECEIVED: b\n',
    );
    expect(fieldValue(found, 'subject')).toBe('one two\tthree');
    expect(fieldValue(found, 'message-id')).toBe('<1@x>');
    expect(found.map(({ name }) => name)).toEqual(['subject', 'message-id', 'received', 'received']);
    expect(countReceived(found)).toBe(2);
    expect(fieldValue(found, 'date')).toBeUndefined();
  });

  test('of the first text only', () => {
    expect(fields('A: 1\n\nReceived: in the body\n').map(({ name }) => name)).toEqual(['a']);
  });
});

describe('urgency', () => {
  test.each([
    ['', NORMAL],
    ['Importance: High\n', URGENT],
    ['X-Priority: 1 (Highest)\n', URGENT],
    ['X-Priority: 2\n', URGENT],
    ['X-Priority: 3\n', NORMAL],
    ['X-Priority: 10\n', NORMAL],
    ['Priority: urgent\n', URGENT],
    ['Precedence: bulk\n', BULK],
    ['Precedence: list\n', BULK],
    ['Precedence: first-class\n', NORMAL],
    ['List-Id: <dev.example.org>\n', BULK],
    ['Auto-Submitted: auto-replied\n', BULK],
    ['Auto-Submitted: no\n', NORMAL],
    ['Importance: high\nPrecedence: junk\n', BULK],
  ])('%j', (header, urgency) => expect(urgencyOf(fields(`${header}\n`))).toBe(urgency));
});
