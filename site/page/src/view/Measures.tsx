/** The loss around the image, and the robustness of the networks on many images, with what is to be said of it. */

import type { ComparisonReport, Finding } from 'kwta';
import { useState } from 'preact/hooks';
import { landscapePicture } from '../draw/pictures.js';
import {
  drawLandscapes,
  landscapeDone,
  landscapes,
  measureTable,
  type NetworkLandscape,
  report,
  stopTable,
  tableDone,
} from '../state/measures.js';
import { type NetworkName, networks, titles, wantedNetworks } from '../state/networks.js';
import { settings } from '../state/settings.js';
import { Canvas } from './Canvas.js';
import { Choice, percent, share } from './controls.js';

export function Landscapes() {
  const all = landscapes.value;
  const done = landscapeDone.value;
  const most = Math.max(...all.map(({ losses }) => Math.max(...losses.flat())));
  return (
    <section aria-labelledby="landscape-title" class="panel">
      <h2 id="landscape-title">Landscape</h2>
      <p class="hint">
        The loss around the image: to the right along the signs of the gradient, upwards along random signs. Brighter is
        larger; <span class="key lost">here</span> the network sees another class. The square is the ball of radius{' '}
        <i>ε</i>.
      </p>
      <div class="transport">
        <button
          type="button"
          disabled={networks.value.length === 0 || done !== undefined}
          onClick={() => void drawLandscapes()}
        >
          Draw the landscape
        </button>
        <Done label="Landscape" share={done} />
      </div>
      <div class="pair">
        {wantedNetworks(settings.value).map((name) => (
          <LandscapeOf key={name} name={name} most={most} of={all.find(({ network }) => network === name)} />
        ))}
      </div>
    </section>
  );
}

function LandscapeOf({ name, of, most }: { name: NetworkName; of: NetworkLandscape | undefined; most: number }) {
  const wrong = of === undefined ? 0 : of.classes.flat().filter((each) => each !== of.label).length;
  const portion = of === undefined ? '–' : percent(wrong / of.classes.flat().length, 0);
  return (
    <figure class="landscape">
      <div class="plane">
        <Canvas
          picture={of && (() => landscapePicture(of.losses, of.classes, of.label, most))}
          label={`Loss of ${titles[name]} around the image; ${portion} of the plane is another class.`}
        />
        {of === undefined ? null : (
          <span class="ball" style={{ inset: share((1 - of.epsilon / of.offsets[of.offsets.length - 1]) / 2) }} />
        )}
      </div>
      <figcaption>
        <span class={name}>{titles[name]}</span> another class on <strong>{portion}</strong>
      </figcaption>
    </figure>
  );
}

/** How much is done; it keeps its place when nothing goes on. */
function Done({ label, share }: { label: string; share: number | undefined }) {
  const style = { visibility: share === undefined ? 'hidden' : 'visible' } as const;
  return <progress value={share ?? 0} max={1} aria-label={label} style={style} />;
}

const sizes = [16, 32, 64] as const;

export function Table() {
  const [samples, setSamples] = useState<number>(sizes[0]);
  const done = tableDone.value;
  return (
    <section aria-labelledby="table-title" class="panel">
      <h2 id="table-title">Robustness</h2>
      <p class="hint">
        How many test images are still recognised under each attack, and what is to be said of the figures. An image
        counts in the worst case only when no attack broke it.
      </p>
      <div class="transport">
        <Choice
          label="Test images"
          value={String(samples)}
          options={sizes.map((size) => ({ value: String(size), text: String(size) }))}
          onChange={(value) => setSamples(Number(value))}
        />
        <div class="transport">
          {done === undefined ? (
            <button type="button" disabled={networks.value.length === 0} onClick={() => void measureTable(samples)}>
              Measure
            </button>
          ) : (
            <button type="button" onClick={stopTable}>
              Stop
            </button>
          )}
          <Done label="Table" share={done} />
        </div>
      </div>
      <div class="report">
        {report.value === undefined ? <p class="hint">Not measured yet.</p> : <Report of={report.value} />}
      </div>
    </section>
  );
}

function Report({ of }: { of: ComparisonReport }) {
  const [epsilon] = of.epsilons;
  const names = of.models[0].attacks.map(({ name }) => name);
  const findings = [
    ...of.findings.map((finding) => ({ ...finding, model: '' })),
    ...of.models.flatMap(({ name, findings }) => findings.map((finding) => ({ ...finding, model: name }))),
  ];
  const cell = ({ accuracy, ci95 }: { accuracy: number; ci95: readonly number[] }) => (
    <td>
      {percent(accuracy, 0)} <small>{ci95.map((end) => (100 * end).toFixed(0)).join('–')}</small>
    </td>
  );
  return (
    <>
      <table class="figures">
        <caption>
          Right of {of.labels.length} images, ε = {epsilon}; 95 % intervals
        </caption>
        <thead>
          <tr>
            <td />
            {of.models.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">as they are</th>
            {of.models.map(({ clean }) => cell(clean))}
          </tr>
          {names.map((name, i) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {of.models.map(({ attacks }) => cell(attacks[i]))}
            </tr>
          ))}
          <tr class="worst">
            <th scope="row">worst case</th>
            {of.models.map(({ worstCase }) => cell(worstCase[String(epsilon)]))}
          </tr>
        </tbody>
      </table>
      <ul class="findings">
        {findings.map(({ code, severity, message, model }) => (
          <li key={`${model} ${code} ${message}`} class={severity}>
            <strong>{words[severity]}</strong> {model === '' ? '' : `${model}: `}
            {message}
          </li>
        ))}
      </ul>
    </>
  );
}

const words: Record<Finding['severity'], string> = { note: 'Note', warning: 'Warning', failure: 'Failure' };
