/** A token as a picture: a phone at the office reads it off the screen, or off paper. */
import { raw } from 'hono/html';
import { renderSVG } from 'uqr';

export const qrOf = (text: string) => (
  <figure class="qr" role="img" aria-label="The token as a QR code">
    {raw(renderSVG(text, { border: 4 }))}
  </figure>
);
