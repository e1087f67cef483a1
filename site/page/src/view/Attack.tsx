/** The attack on one image: how it goes on, and what it does to each network. */
import { changePicture, greyPicture } from '../draw/pictures.js';
import {
  attack,
  attacking,
  attackStep,
  isFooled,
  lastOf,
  outcome,
  type Path,
  paths,
  plans,
  stopAttack,
  undo,
} from '../state/attack.js';
import { className, split } from '../state/data.js';
import { image } from '../state/image.js';
import { type NetworkName, networks, titles, wantedNetworks } from '../state/networks.js';
import { SIDE } from '../state/pixels.js';
import { change, type Settings, settings } from '../state/settings.js';
import { Canvas } from './Canvas.js';
import { Chart } from './Chart.js';
import { Choice, percent, Slider, share } from './controls.js';
import { Images } from './Images.js';
import { Legend } from './Training.js';

const hints: Record<Settings['attack'], string> = {
  fgsm: 'One step along the sign of the gradient.',
  pgd: 'Twenty steps along the sign of the gradient.',
  estimated:
    'Steps along a gradient that is estimated from outputs at random points nearby. This is what breaks k-WTA.',
  square: 'A random search that sees outputs alone: squares that raise the loss stay.',
};

export function Attack() {
  const { attack: kind, epsilon } = settings.value;
  const none = networks.value.length === 0;
  const running = attacking.value;
  const begun = paths.value.some(({ points }) => points.length > 1);
  const options = (Object.keys(plans) as Settings['attack'][]).map((value) => ({ value, text: plans[value].title }));
  return (
    <section aria-labelledby="attack-title" class="panel">
      <h2 id="attack-title">Attack</h2>
      <Images />
      <div class="row">
        <Choice label="Attack" value={kind} options={options} onChange={(value) => change({ attack: value })} />
        <Slider
          label={
            <>
              Largest change of a pixel, <i>ε</i>
            </>
          }
          value={epsilon}
          min={0.01}
          max={0.3}
          step={0.01}
          text={epsilon.toFixed(2)}
          onChange={(value) => change({ epsilon: value })}
        />
      </div>
      <p class="hint">{hints[kind]}</p>
      <div class="transport">
        {running ? (
          <button type="button" onClick={stopAttack}>
            Stop
          </button>
        ) : (
          <button type="button" disabled={none} onClick={() => void attack()}>
            Attack
          </button>
        )}
        <button type="button" disabled={none || running} onClick={() => void attackStep()}>
          Step
        </button>
        <button type="button" disabled={none || !begun} onClick={undo}>
          Undo
        </button>
      </div>
      <div class="pair">
        {wantedNetworks(settings.value).map((name) => (
          <Result key={name} name={name} path={paths.value.find(({ network }) => network === name)} />
        ))}
      </div>
      <LossPath />
    </section>
  );
}

function Result({ name, path }: { name: NetworkName; path: Path | undefined }) {
  const { epsilon } = settings.value;
  const original = image.value;
  const now = path && lastOf(path);
  const moved = now?.pixels ?? original?.pixels;
  return (
    <article class={path !== undefined && isFooled(path) ? 'fooled' : ''} aria-label={titles[name]}>
      <h3 class={name}>{titles[name]}</h3>
      <p class="verdict">{path === undefined ? 'Not trained yet.' : outcome(path)}</p>
      <div class="triple">
        <figure>
          <Canvas picture={original && (() => greyPicture(original.pixels, SIDE))} label="The image as it is" />
          <figcaption>image</figcaption>
        </figure>
        <span class="sign" aria-hidden="true">
          +
        </span>
        <figure>
          <Canvas
            picture={original && moved && (() => changePicture(original.pixels, moved, SIDE, epsilon))}
            label="What the attack changes, magnified"
          />
          <figcaption>× {Math.round(1 / epsilon)}</figcaption>
        </figure>
        <span class="sign" aria-hidden="true">
          =
        </span>
        <figure>
          <Canvas picture={moved && (() => greyPicture(moved, SIDE))} label="The image after the attack" />
          <figcaption>attacked</figcaption>
        </figure>
      </div>
      <Bars path={path} />
      <Changes path={path} />
    </article>
  );
}

/** What the network believes: before, as an outline, and now. */
function Bars({ path }: { path: Path | undefined }) {
  const classes = split.value?.test.classes ?? 10;
  return (
    <table class="bars">
      <caption class="hidden">Probability of each class, before and after the attack</caption>
      <tbody>
        {Array.from({ length: classes }, (_, label) => {
          const before = path?.points[0].probabilities[label] ?? 0;
          const now = path === undefined ? 0 : lastOf(path).probabilities[label];
          const kind =
            label === path?.label ? 'true' : path !== undefined && label === lastOf(path).predicted ? 'false' : '';
          return (
            <tr key={label} class={kind}>
              <th scope="row" class="name">
                {className(label)}
              </th>
              <td class="bar">
                <span class="before" style={{ width: share(before) }} />
                <span class="now" style={{ width: share(now) }} />
              </td>
              <td class="value">{path === undefined ? '' : percent(now, 0)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** How many of the choices of each layer are others now. */
function Changes({ path }: { path: Path | undefined }) {
  const layers = path === undefined ? [] : lastOf(path).changes;
  const what = path?.network === 'relu' ? 'open units that close' : 'winners that win no more';
  return (
    <p class="changes">
      {path === undefined ? ' ' : `${what}: `}
      {[0, 1, 2].map((i) => (
        <span key={i}>{layers[i] === undefined ? '–' : percent(layers[i].share[0], 0)} </span>
      ))}
    </p>
  );
}

function LossPath() {
  const all = paths.value;
  const queries = [...new Set(all.flatMap(({ points }) => points.map((point) => point.queries)))].sort((a, b) => a - b);
  const lines = (['relu', 'kwta'] as const).map((name) => {
    const points = new Map(
      all.find(({ network }) => network === name)?.points.map(({ queries, loss }) => [queries, loss]),
    );
    return { label: titles[name], colour: name, values: queries.map((each) => points.get(each) ?? null) };
  });
  const { perStep, steps } = plans[settings.value.attack];
  return (
    <figure class="curves">
      <figcaption>
        Loss along the path <Legend />
      </figcaption>
      <Chart
        x={queries}
        xLabel="queries of the network"
        xMost={Math.min(perStep * steps, Math.max(10 * perStep, queries.at(-1) ?? 0))}
        lines={lines}
        height={180}
        label={`Loss by queries. ${all.map((path) => `${titles[path.network]}: ${lastOf(path).loss.toFixed(2)}`).join(', ')}`}
      />
    </figure>
  );
}
