/** The page itself, once what it stands on is loaded. */
import { render } from 'preact';
import { followImage } from './state/attack.js';
import { keepNow, phase, start } from './state/lab.js';
import { followMeasures } from './state/measures.js';
import { followSettings, recallSettings } from './state/session.js';
import { settings } from './state/settings.js';
import { followWinners } from './state/winners.js';
import './style.css';
import { App } from './view/App.js';

/** Shows the page, then starts what computes. */
export async function open(place: HTMLElement): Promise<void> {
  settings.value = recallSettings();
  followSettings();
  render(<App />, place);
  await new Promise((resolve) => setTimeout(resolve));
  followImage();
  followWinners();
  followMeasures();
  addEventListener('visibilitychange', () => {
    // A page that is put away may not come back; a run that cannot be kept is told of where it is held.
    if (document.hidden && phase.peek() === 'training') void keepNow().catch(() => {});
  });
  await start();
}
