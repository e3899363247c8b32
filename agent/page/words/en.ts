/** The page in English; its shape is what every other language must have. `#` stands for a number. */
import type { Forms } from '../say.ts';

const forms = (one: string, other: string): Forms => ({ one, other });

export const en = {
  /** For `lang`, numbers and dates: a BCP 47 tag. */
  tag: 'en-GB',
  dir: 'ltr' as 'ltr' | 'rtl',
  /** How kilobytes are written: `kB`, or the word. */
  units: 'short' as 'short' | 'long',
  /** As its readers call it. */
  name: 'English',

  mailOf: (office: string) => `Mail of ${office}`,
  overview: 'Overview',
  mail: 'Mail',
  stick: 'USB stick',
  leave: 'Log out',
  language: 'Language',
  skip: 'To the content',

  login: {
    title: 'Log in',
    password: 'Password of this page',
    passwordHint: 'It was shown when this office was set up. For a new one, type on this laptop:',
    enter: 'Log in',
    person: 'I want to see my own mail',
    personHint: 'With the name and password of your mail program.',
    name: 'Name',
    personPassword: 'Your password',
    wrong: 'That is not the right password.',
    later: 'Too many wrong passwords. Wait a minute, then try again.',
    none: 'This page has no password yet. Type on this laptop:',
  },

  mails: forms('# mail', '# mails'),

  status: {
    waiting: (mails: string, size: string) => `${mails} to send, ${size}`,
    nothing: 'Nothing waits to be sent',
    oldest: (age: string) => `The oldest has waited for ${age}.`,
    lastSync: (age: string) => `Last exchange with the hub ${age} ago.`,
    never: 'No exchange with the hub yet.',
    atHub: (mails: string, size: string) => `${mails}, ${size}, stayed at the hub.`,
    held: (mails: string) => `Too large, held at the hub: ${mails}.`,
  },

  sync: {
    title: 'Exchange mail',
    now: 'Sync now',
    over: 'Over',
    automatic: 'the link that is up',
    force: 'Also outside of its hours',
    running: (link: string) => `Exchanging mail over ${link}`,
    sent: (mails: string) => `Sent: ${mails}`,
    received: (mails: string) => `Received: ${mails}`,
    carried: (size: string) => `Carried: ${size}`,
    speed: (size: string) => `${size} a second`,
    left: (time: string) => `About ${time} left`,
    money: (money: string) => `Cost so far: ${money}`,
    cancel: 'Stop',
    cancelled: 'Stopped. What had arrived stays; the rest goes on from there.',
    done: 'Done.',
    early: 'It ended early.',
    progress: 'Progress',
  },

  links: {
    title: 'Links',
    inUse: 'in use',
    fits: (mails: string, size: string) => `${mails} may go, ${size}`,
    about: (money: string) => `about ${money}`,
    perMinute: (money: string) => `${money} a minute; its speed is not known yet`,
    free: 'no price is set',
    bytesLeft: (size: string) => `${size} may still travel`,
    moneyLeft: (money: string) => `${money} may still be spent`,
    month: (size: string) => `This month: ${size}`,
    monthMoney: (size: string, money: string) => `This month: ${size} for ${money}`,
    unnamed: 'Any other link',
  },

  trips: {
    title: 'The last seven days',
    none: 'No exchange yet.',
    up: 'sent',
    down: 'received',
    early: 'ended early',
    list: 'Each exchange',
    picture: (count: string) => `Exchanges with the hub: ${count}. Sent mail above the line, received mail below.`,
    line: (sent: string, received: string, size: string) => `sent ${sent}, received ${received}, ${size}`,
  },

  problems: {
    title: 'What needs care',
    none: 'Everything is all right.',
    details: 'In detail',
    disk: {
      title: 'The disk is nearly full.',
      remedy: 'Delete or move files that are not needed. Until then new mail may not be taken.',
    },
    clock: {
      title: 'The clock of this laptop is wrong.',
      remedy: 'No mail is harmed, but mails that are written here get a wrong date. Set date and time.',
    },
    queue: {
      title: 'A mail in the queue of the other mail server cannot be taken.',
      remedy: 'Show the details below to whoever set that server up. All other mail goes on.',
    },
    firewall: {
      title: 'The firewall of a link cannot be set.',
      remedy:
        'Other programs on this laptop may use the link and its money. Show the details below to whoever set it up.',
    },
    noLink: {
      title: 'The hub could not be reached.',
      remedy: 'Mail is safe here and goes as soon as there is a link. Is the modem on, and does it see the sky?',
    },
    refused: {
      title: 'The hub refuses this office.',
      remedy: 'Call the hub’s operator and read the details below to them. Mail is safe here meanwhile.',
    },
    early: {
      title: 'The last exchange ended early.',
      remedy: 'Nothing is lost or sent twice: the next one goes on where this one stopped.',
    },
    foreign: {
      title: 'There is a file among the waiting mail that is none.',
      remedy: 'Somebody has put it there. Move it away; it is not touched.',
    },
  },

  queue: {
    title: 'Waits here for the hub',
    none: 'Nothing waits.',
    noSubject: '(no subject)',
    from: 'from',
    to: 'to',
    more: (count: string) => `and ${count} more`,
    here: (office: string) => `on the ${office} laptop`,
    since: (age: string) => `for ${age}`,
    onStick: (age: string) => `on a USB stick for ${age}`,
    withCarrier: (link: string, age: string) => `with ${link} for ${age}`,
    putOff: 'put off by the hub:',
    urgent: 'urgent',
    tooLarge: (link: string) => `${link}: too large`,
    price: (link: string, money: string) => `${link}: about ${money}`,
    report: 'a report',
  },

  sent: {
    title: 'Handed to the hub',
    none: 'Nothing yet.',
    atHub: (time: string) => `at the hub since ${time}`,
    hint: 'The hub delivers it from there. If it cannot, the writer gets a mail that says why.',
  },

  held: {
    title: 'Held at the hub: too large for the link',
    none: 'Nothing is held.',
    hint: 'Ask for all of it or for a part. The request goes with the next exchange; what was asked for comes with that one or the one after.',
    all: 'All of it',
    text: 'Only the text',
    small: 'Pictures made small',
    part: (number: string) => `Attachment ${number}`,
    attachments: forms('# attachment', '# attachments'),
    drop: 'Not wanted',
    dropHint: 'It is then thrown away at the hub, and nobody here can get it any more.',
    dropSure: 'Yes, throw it away',
    askedAll: 'All of it has been asked for.',
    askedText: 'The text has been asked for.',
    askedSmall: 'Its pictures, made small, have been asked for.',
    askedParts: (numbers: string) => `Attachment ${numbers} has been asked for.`,
  },

  sticks: {
    make: 'Make a stick for the hub',
    makeHint:
      'Saves all mail that waits here in one sealed file. Put it on a USB stick and send that to the hub, by whatever way.',
    again: 'Also mail that is on an earlier stick, because that one was lost',
    largest: 'Largest file in megabytes (empty: any size)',
    makeNow: 'Save the file',
    wait: (time: string) => `What is on a stick is not also sent over a link for ${time}.`,
    read: 'Read a stick from the hub',
    readHint: 'Choose the file that the hub made for this office. Reading it twice does no harm.',
    file: 'File',
    readNow: 'Read the file',
    taken: (mails: string) => `Taken from the file: ${mails}.`,
    answered: (count: string) => `Mails of ours that the hub has: ${count}.`,
    known: (count: string) => `Had come before: ${count}.`,
    partial: 'Part of a mail is kept; the rest may come over a link.',
    unreadable: (count: string) => `Cannot be read here, and comes again over a link: ${count}.`,
    damaged: 'The file is damaged or is no file of the hub. What came before the damage stands. Copy it again.',
    notOurs: 'The file is not for this office. Nothing was taken.',
    busy: 'An exchange with the hub is running. Wait until it has ended, then try again.',
    noFile: 'No file was chosen.',
  },

  people: {
    nav: 'People',
    title: 'Address book',
    hint: 'Everybody who can be written to, as the hub last told it. Take the file into your mail program, and it completes addresses.',
    vcard: 'Save as vCard',
    ldif: 'Save as LDIF (Thunderbird)',
    lists: 'Lists and other names',
  },

  errors: {
    notFound: 'There is no such page.',
    failed: 'Something went wrong. The log of the agent says what.',
    stale: 'This page was too old. Load it again, then repeat what you did.',
    home: 'To the overview',
  },
};

export type Words = typeof en;
