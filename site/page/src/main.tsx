/** Starts the page. */
import { render } from 'preact';
import { isolated } from './isolation.js';
import { followImage } from './state/attack.js';
import { keepNow, phase, start } from './state/lab.js';
import { followMeasures } from './state/measures.js';
import { followSettings, recallSettings } from './state/session.js';
import { settings } from './state/settings.js';
import { followWinners } from './state/winners.js';
import './style.css';
import { App } from './view/App.js';

const place = document.getElementById('page');
if (place !== null && (await isolated())) {
  settings.value = recallSettings();
  followSettings();
  render(<App />, place);
  followImage();
  followWinners();
  followMeasures();
  addEventListener('visibilitychange', () => {
    // A page that is put away may not come back.
    if (document.hidden && phase.peek() === 'training') void keepNow().catch(() => {});
  });
  await start();
}
