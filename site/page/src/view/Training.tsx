/** The training: its settings, its controls, and its curves. */
import { split } from '../state/data.js';
import { done, fits, pause, phase, play, reset, step } from '../state/lab.js';
import { batchSize, type Curve, networks, progress, titles, wantedNetworks } from '../state/networks.js';
import { change, settings } from '../state/settings.js';
import { Chart } from './Chart.js';
import { Choice, percent, Slider } from './controls.js';
import { DataChoice } from './Data.js';

/** Steps over which curves are smoothed. */
const smoothing = 12;

function smoothed(values: readonly number[]): number[] {
  let mean = values[0] ?? 0;
  return values.map((value, i) => {
    mean += (value - mean) / Math.min(i + 1, smoothing);
    return mean;
  });
}

export function Training() {
  return (
    <section aria-labelledby="training-title" class="panel">
      <h2 id="training-title">Train</h2>
      <div class="split">
        <TrainingSettings />
        <div class="results">
          <Transport />
          <LossChart />
          <Tiles />
        </div>
      </div>
    </section>
  );
}

function TrainingSettings() {
  const { networks: which, gamma, regime, epochs } = settings.value;
  return (
    <div class="settings">
      <DataChoice />
      <Choice
        label="Networks"
        value={which}
        options={[
          { value: 'both', text: 'Side by side' },
          { value: 'relu', text: 'ReLU' },
          { value: 'kwta', text: 'k-WTA' },
        ]}
        onChange={(value) => change({ networks: value })}
      />
      <Slider
        label={
          <>
            Winners, <i>γ</i>
          </>
        }
        value={gamma}
        min={0.02}
        max={0.5}
        step={0.01}
        text={percent(gamma, 0)}
        disabled={which === 'relu'}
        onChange={(value) => change({ gamma: value })}
      />
      <Choice
        label="Training"
        value={regime}
        options={[
          { value: 'natural', text: 'Natural' },
          { value: 'adversarial', text: 'Adversarial' },
        ]}
        onChange={(value) => change({ regime: value })}
      />
      <Slider
        label="Epochs"
        value={epochs}
        min={1}
        max={10}
        step={1}
        text={String(epochs)}
        onChange={(value) => change({ epochs: value })}
      />
    </div>
  );
}

function Transport() {
  const now = phase.value;
  const running = now === 'training';
  const over = done.value;
  const busy = now === 'starting' || now === 'failed';
  return (
    <div class="transport">
      {running ? (
        <button type="button" onClick={() => void pause()}>
          Pause
        </button>
      ) : (
        <button type="button" disabled={busy || over} onClick={() => void play()}>
          {now === 'held' && fits.value ? 'Go on' : 'Train'}
        </button>
      )}
      <button type="button" disabled={busy || running || over} onClick={() => void step()}>
        Step
      </button>
      <button type="button" disabled={busy || networks.value.length === 0} onClick={() => void reset()}>
        Reset
      </button>
      <span class="hint">{fits.value ? '' : 'Train again for the new settings.'}</span>
    </div>
  );
}

function LossChart() {
  void progress.value;
  const present = networks.value;
  const perEpoch = Math.ceil((split.value?.train.length ?? batchSize) / batchSize);
  const longest = Math.max(0, ...present.map(({ curve }) => curve.loss.length));
  const lines = (['relu', 'kwta'] as const).map((name) => {
    const values = smoothed(present.find((network) => network.name === name)?.curve.loss ?? []);
    return { label: titles[name], colour: name, values: Array.from({ length: longest }, (_, i) => values[i] ?? null) };
  });
  return (
    <figure class="curves">
      <figcaption>
        Loss <Legend />
      </figcaption>
      <Chart
        x={Array.from({ length: longest }, (_, i) => (i + 1) / perEpoch)}
        xLabel="epochs"
        xMost={settings.value.epochs}
        lines={lines}
        height={230}
        label={`Loss by epoch. ${present.map(({ name, curve }) => `${titles[name]}: ${lossText(curve)}`).join(', ')}`}
      />
    </figure>
  );
}

/** Of the last steps, in words. */
function recent(values: readonly number[], text: (mean: number) => string): string {
  const last = values.slice(-smoothing);
  return last.length === 0 ? '–' : text(last.reduce((sum, value) => sum + value, 0) / last.length);
}

function lossText(curve: Curve | undefined): string {
  return recent(curve?.loss ?? [], (mean) => mean.toFixed(3));
}

export function Legend() {
  return (
    <span class="legend">
      {wantedNetworks(settings.value).map((name) => (
        <span key={name} class={name}>
          {titles[name]}
        </span>
      ))}
    </span>
  );
}

function Tiles() {
  void progress.value;
  return (
    <table class="figures">
      <thead>
        <tr>
          <td />
          <th scope="col">Loss</th>
          <th scope="col">Accuracy</th>
          <th scope="col">On test images</th>
          <th scope="col">Images a second</th>
        </tr>
      </thead>
      <tbody>
        {wantedNetworks(settings.value).map((name) => {
          const network = networks.value.find((each) => each.name === name);
          const test = network?.curve.testAccuracy;
          return (
            <tr key={name}>
              <th scope="row" class={name}>
                {titles[name]}
              </th>
              <td>{lossText(network?.curve)}</td>
              <td>{recent(network?.curve.accuracy ?? [], percent)}</td>
              <td>{test === undefined ? '–' : percent(test)}</td>
              <td>{Math.round(network?.rate.perSecond ?? 0) || '–'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
