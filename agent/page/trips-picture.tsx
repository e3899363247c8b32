/** The trips of seven days as a picture: what was sent above the line, what was received below it, and where one ended early. */
import type { Trip } from '../trips.ts';
import { number, weekday } from './say.ts';
import type { Words } from './words/en.ts';

const DAYS = 7;
const WIDTH = 700;
const HEIGHT = 120;
const MIDDLE = HEIGHT / 2;
const BAR = 8;
const LEAST = 3;

interface Picture {
  readonly words: Words;
  /** Any order. */
  readonly trips: readonly Trip[];
  /** Unix seconds by the hub's clock. */
  readonly hubNow: number;
}

export const TripsPicture = ({ words, trips, hubNow }: Picture) => {
  const start = midnight(hubNow, DAYS - 1);
  const end = midnight(hubNow, -1);
  const shown = trips.filter(({ time }) => time >= start && time < end);
  const most = Math.max(1, ...shown.flatMap(({ mailsUp, mailsDown }) => [mailsUp, mailsDown]));
  // Roots, so that a trip with one mail is seen beside one with a hundred.
  const height = (mails: number): number => (mails === 0 ? 0 : Math.max(LEAST, Math.sqrt(mails / most) * (MIDDLE - 8)));
  const at = (time: number): number => {
    const x = ((time - start) / (end - start)) * WIDTH;
    return words.dir === 'rtl' ? WIDTH - x : x;
  };
  return (
    <>
      <svg
        class="trips"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words.trips.picture(number(words, shown.length))}
      >
        {Array.from({ length: DAYS - 1 }, (_, day) => (
          <line
            class="day"
            x1={((day + 1) * WIDTH) / DAYS}
            x2={((day + 1) * WIDTH) / DAYS}
            y1="0"
            y2={HEIGHT}
            vector-effect="non-scaling-stroke"
          />
        ))}
        <line class="axis" x1="0" x2={WIDTH} y1={MIDDLE} y2={MIDDLE} vector-effect="non-scaling-stroke" />
        {shown.map(({ time, mailsUp, mailsDown, error }) => (
          <>
            <rect class="up" x={at(time) - BAR / 2} y={MIDDLE - height(mailsUp)} width={BAR} height={height(mailsUp)} />
            <rect class="down" x={at(time) - BAR / 2} y={MIDDLE} width={BAR} height={height(mailsDown)} />
            {error === undefined ? null : (
              <rect class="early" x={at(time) - BAR / 2} y={MIDDLE - 2} width={BAR} height="4" />
            )}
          </>
        ))}
      </svg>
      <div class="days" aria-hidden="true">
        {Array.from({ length: DAYS }, (_, day) => (
          <span>{weekday(words, new Date((start + day * 86_400 + 43_200) * 1_000))}</span>
        ))}
      </div>
      <ul class="legend">
        <li>{words.trips.up}</li>
        <li class="down">{words.trips.down}</li>
        <li class="early">{words.trips.early}</li>
      </ul>
    </>
  );
};

/** The beginning of the day so many days ago, where this laptop is. Unix seconds. */
function midnight(now: number, daysAgo: number): number {
  const day = new Date(now * 1_000);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() - daysAgo).getTime() / 1_000;
}
