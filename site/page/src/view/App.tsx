/** The whole page: what is done first on top, what can be looked at after that below. */
import { useEffect, useState } from 'preact/hooks';
import { attack, attacking, isFooled, look, paths } from '../state/attack.js';
import { exportJson, exportPng } from '../state/exporting.js';
import { done, fail, loadData, phase, play, problem, runtime, status, trained } from '../state/lab.js';
import { networks, progress } from '../state/networks.js';
import { presets, type Settings, settings } from '../state/settings.js';
import { Attack } from './Attack.js';
import { filesOf, takeFiles } from './Data.js';
import { Landscapes, Table } from './Measures.js';
import { Training } from './Training.js';
import { Winners } from './Winners.js';

/** Trains what is not trained, and then attacks. */
async function trainAndAttack(): Promise<void> {
  try {
    await play();
    if (!(await trained())) return;
    await look();
    await attack();
    const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';
    document.getElementById('attack-title')?.scrollIntoView({ block: 'start', behavior });
  } catch (error) {
    fail(error);
  }
}

async function show(preset: Settings): Promise<void> {
  const { data } = settings.peek();
  settings.value = { ...preset, threads: settings.peek().threads };
  if (preset.data !== data) await loadData();
  await trainAndAttack();
}

export function App() {
  const over = useDrop();
  return (
    <div class={over ? 'page over' : 'page'}>
      <Header />
      <main>
        <Training />
        <Attack />
        <Winners />
        <Landscapes />
        <Table />
      </main>
      <Footer />
    </div>
  );
}

/** Takes files that are dropped anywhere; whether some are held over the page. */
function useDrop(): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    document.addEventListener(
      'dragover',
      (event) => {
        event.preventDefault();
        setOver(true);
      },
      { signal },
    );
    document.addEventListener('dragleave', () => setOver(false), { signal });
    document.addEventListener(
      'drop',
      (event) => {
        event.preventDefault();
        setOver(false);
        if (event.dataTransfer !== null) void filesOf(event.dataTransfer).then(takeFiles).catch(fail);
      },
      { signal },
    );
    return () => controller.abort();
  }, []);
  return over;
}

function Header() {
  const now = phase.value;
  const busy = now === 'starting' || now === 'failed' || now === 'training' || attacking.value;
  return (
    <header>
      <p class="mark">kwta</p>
      <h1>Train a network, then break it</h1>
      <p class="lead">
        Two small networks learn to tell figures apart: one with ReLU, one where only the k largest values of a layer
        survive. Then an attack changes an image so little that you hardly see it. All of it happens in this page.
      </p>
      <div class="start">
        <button type="button" class="primary" disabled={busy} onClick={() => void trainAndAttack()}>
          {done.value ? 'Attack' : 'Train and attack'}
        </button>
        <Progress />
      </div>
      <div class="presets">
        {presets.map((preset) => (
          <button
            key={preset.name}
            type="button"
            disabled={busy}
            onClick={() => void show(preset.settings).catch(fail)}
          >
            <strong>{preset.name}</strong>
            <small>{preset.text}</small>
          </button>
        ))}
      </div>
    </header>
  );
}

function Progress() {
  void progress.value;
  const present = networks.value;
  const share = present.reduce((sum, { curve, steps }) => sum + (steps > 0 ? curve.loss.length / steps : 0), 0);
  const first = paths.value.find((path) => path.points.length > 1 && isFooled(path));
  return (
    <div class="progress" data-phase={phase.value} data-fooled={first !== undefined}>
      <progress value={present.length === 0 ? 0 : share / present.length} max={1} aria-label="Training" />
      <p role="status">{status.value}</p>
      <p role="alert">{problem.value}</p>
    </div>
  );
}

function Footer() {
  const made = runtime.value?.info;
  const none = paths.value.length === 0;
  return (
    <footer>
      <div class="transport">
        <button type="button" disabled={none} onClick={() => void exportPng().catch(fail)}>
          Save the picture
        </button>
        <button type="button" disabled={none} onClick={exportJson}>
          Save the data
        </button>
        <button
          type="button"
          onClick={() => {
            navigator.clipboard.writeText(location.href).then(() => {
              status.value = 'The link is copied';
            }, fail);
          }}
        >
          Copy the link
        </button>
      </div>
      <p class="hint">
        The address holds all settings. Nothing leaves this page; it works without a network once it is open.{' '}
        {made === undefined
          ? ''
          : `Kernels: ${made.variant}, ${made.threads} ${made.threads === 1 ? 'thread' : 'threads'}.`}
      </p>
    </footer>
  );
}
