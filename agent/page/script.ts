/** What the page does when the browser runs scripts: it follows a sync. Without, it loads itself again while one runs. */
export const SCRIPT = `
'use strict';
const now = document.getElementById('now');
if (now && window.EventSource) {
  const events = new EventSource('/events?running=' + now.dataset.running);
  events.addEventListener('progress', ({ data }) => {
    const place = document.getElementById('progress');
    if (place) place.innerHTML = data;
  });
  events.addEventListener('changed', () => { events.close(); location.reload(); });
}
`;
