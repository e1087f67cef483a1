/** The winners of each k-WTA layer as a picture, and how many of them change when the image moves. */
import { winnersPicture } from '../draw/pictures.js';
import { change, settings } from '../state/settings.js';
import { type LayerWinners, winners } from '../state/winners.js';
import { Canvas } from './Canvas.js';
import { percent, Slider } from './controls.js';

/** Places of layers that are not there yet. */
const empty = [1, 2, 3];

export function Winners() {
  const { move, layers } = winners.value;
  const { noise, networks } = settings.value;
  if (networks === 'relu') return null;
  return (
    <section aria-labelledby="winners-title" class="panel">
      <h2 id="winners-title">Winners</h2>
      <p class="hint">
        Each dot is a value of a k-WTA layer that won, for the image below. <span class="key stays">stays</span>{' '}
        <span class="key lost">wins no more</span> <span class="key gained">wins now</span> when the image is moved by{' '}
        {move === 'attack' ? 'the attack' : 'noise'}.
      </p>
      <Slider
        label="Noise"
        value={noise}
        min={0}
        max={0.3}
        step={0.01}
        text={move === 'attack' ? 'the attack moves it' : `σ = ${noise.toFixed(2)}`}
        disabled={move === 'attack'}
        onChange={(value) => change({ noise: value })}
      />
      <ol class="layers">
        {layers.length === 0
          ? empty.map((layer) => <Layer key={layer} number={layer} of={undefined} />)
          : layers.map((layer, i) => <Layer key={layer.layer} number={i + 1} of={layer} />)}
      </ol>
    </section>
  );
}

function Layer({ number, of }: { number: number; of: LayerWinners | undefined }) {
  const share = of === undefined ? '–' : percent(of.lost, 0);
  const words = `Winners of layer ${number}: ${share} of ${of?.before.length ?? 0} win no more.`;
  return (
    <li>
      <Canvas picture={of && (() => winnersPicture(of))} label={words} />
      <p>
        Layer {number} <strong>{share}</strong> change
      </p>
    </li>
  );
}
