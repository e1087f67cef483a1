/** The report, on invented results: what it says must be true of the figures, and what it shows must be there. */
import { inflateSync } from 'node:zlib';
import { type Accuracy, type AttackReport, accuracyOf, attacks, datasets } from 'kwta';
import { describe, expect, it } from 'vitest';

// The report is drawn by the command alone; here it gets results that no run would give.

import type { DemoAttackResult, DemoResult, DemoModel as ModelResult } from '../../dist/cli/demo/result.js';
import { renderEnvelope } from '../../dist/report/envelope.js';
import { findingLines } from '../../dist/report/findings.js';
import { renderReport } from '../../dist/report/html.js';
import { encodePng } from '../../dist/report/png.js';
import { evaluationOf } from '../../dist/report/result.js';
import { renderTable, renderTransfer } from '../../dist/report/table.js';
import { headline, verdict } from '../../dist/report/verdict.js';
import { inventedReport } from './inventedReport.js';

const TOTAL = 200;

const accuracy = (survived: boolean[]): Accuracy => accuracyOf(survived.filter(Boolean).length, survived.length);

/** `correct` of `total` samples are right, spread over them; with fewer correct, a subset. */
const right = (correct: number, total = TOTAL): boolean[] =>
  Array.from({ length: total }, (_, i) => (37 * i) % total < correct);

function attack(
  name: string,
  gradient: AttackReport['gradient'],
  epsilon: number,
  survived: boolean[],
  warnings: string[] = [],
): DemoAttackResult {
  return {
    ...accuracy(survived),
    name,
    description: `What ${name} does.`,
    gradient,
    epsilon,
    queries: { forward: 4_321_000, backward: gradient === 'exact' ? 8_000 : 0 },
    seconds: 12.3,
    warnings,
    findings: [],
    survived,
    predictions: survived.map((survives, i) => (survives ? i % 10 : (i + 1) % 10)),
  };
}

/** A model whose worst case is that of its attacks. */
function model(name: string, gamma: number | null, clean: number, attacks: ModelResult['attacks']): ModelResult {
  const worstCase: ModelResult['worstCase'] = {};
  for (const epsilon of new Set(attacks.map((a) => a.epsilon))) {
    const here = attacks.filter((a) => a.epsilon === epsilon);
    const samples = Math.min(...here.map((a) => a.total));
    const unbroken = Array.from({ length: samples }, (_, i) => here.every((a) => a.survived[i]));
    worstCase[epsilon] = accuracy(unbroken);
  }
  return {
    name,
    gamma,
    parameters: 93_898,
    trainSeconds: 41.7,
    history: Array.from({ length: 236 }, (_, i) => ({
      epoch: (i + 1) / 118,
      loss: 0.9 - clean / 1000 + 1.6 / (1 + i / (clean / 6)) + 0.04 * ((7 * i) % 5),
      accuracy: clean / 200 - 0.6 / (1 + i / (clean / 5)) + 0.02 * ((3 * i) % 4),
    })),
    clean: { ...accuracy(right(clean)), predictions: Array.from({ length: TOTAL }, (_, i) => i % 10) },
    worstCase,
    attacks,
  };
}

function result(models: ModelResult[]): DemoResult {
  const figures = datasets.synthetic({ count: 10, seed: 1 });
  const [original] = [Array.from(figures.tensor([3]).data)];
  const moved = original.map((pixel, i) =>
    Math.min(1, Math.max(0, pixel + 0.1 * (((i * 2654435761) >>> 7) % 2 ? 1 : -1))),
  );
  return {
    dataset: 'invented <data> & more',
    datasetReason: 'this is a test',
    classNames: figures.classNames as string[],
    trainImages: 15_000,
    epochs: 2,
    regime: 'adversarially (PGD-4, ε = 0.1)',
    seed: 5,
    runtime: { variant: 'simd-threads', threads: 2 },
    versions: { kwta: '0.0.0-test', platform: 'Node 0' },
    date: '2000-01-02T03:04:05.000Z',
    seconds: 200,
    epsilons: [...new Set(models.flatMap((m) => m.attacks.map((a) => a.epsilon)))],
    samples: TOTAL,
    labels: Array.from({ length: TOTAL }, (_, i) => i % 10),
    models,
    examples: models.flatMap((m) =>
      [0, 1, 2].map((sample) => ({
        model: m.name,
        attack: 'PGD-40',
        epsilon: 0.1,
        sample,
        label: 2,
        cleanPrediction: 2,
        adversarialPrediction: sample === 0 ? 2 : 4,
        shape: [1, 28, 28] as [number, number, number],
        original,
        adversarial: moved,
      })),
    ),
  };
}

/** k-WTA looks as robust as ReLU to PGD, and falls to the estimated gradient. */
function hiding(): DemoResult {
  return result([
    model('ReLU', null, 154, [
      attack('FGSM', 'exact', 0.1, right(134)),
      attack('PGD-40', 'exact', 0.1, right(126)),
      attack('Estimated gradient', 'estimated', 0.1, right(65, 100)),
      attack('Transfer from k-WTA', 'transfer', 0.1, right(140)),
      attack('PGD-40', 'exact', 0.2, right(34)),
    ]),
    model('k-WTA', 0.1, 160, [
      attack('FGSM', 'exact', 0.1, right(130)),
      attack('PGD-40', 'exact', 0.1, right(126)),
      attack('Estimated gradient', 'estimated', 0.1, right(30, 100), ['half of the steps are <outside> the ball']),
      attack('Transfer from ReLU', 'transfer', 0.1, right(128)),
      attack('PGD-40', 'exact', 0.2, right(70)),
    ]),
  ]);
}

describe('verdict', () => {
  it('says that the gradient is hidden when an attack without it breaks significantly more', () => {
    const hidden = verdict(hiding()).filter((sentence) =>
      sentence.includes('the gradient is hidden, not the weakness'),
    );
    expect(hidden).toEqual([
      // PGD leaves 126 of 200 in all, and 64 of the first 100.
      'At ε = 0.1 on the 100 images that every attack saw, Estimated gradient brings k-WTA (γ = 0.1) to 30.0 % ' +
        'without its gradient; PGD-40, which follows it, to 64.0 %: the gradient is hidden, not the weakness.',
    ]);
    expect(headline(hiding())).toBe('k-WTA (γ = 0.1): the gradient is hidden, not the weakness');
  });

  it('calls a difference of a few samples chance', () => {
    const sentences = verdict(
      result([
        model('one', null, 190, [
          attack('PGD-40', 'exact', 0.1, right(100)),
          attack('Estimated gradient', 'estimated', 0.1, right(97)),
        ]),
      ]),
    );
    expect(sentences).toEqual([
      'At ε = 0.1, Estimated gradient brings one to 48.5 % without its gradient; PGD-40, which follows it, to 50.0 %. ' +
        'On 200 images that difference may be chance.',
    ]);
  });

  it('compares with the strongest exact attack, not with the first', () => {
    const attacks = [
      attack('FGSM', 'exact', 0.1, right(150)),
      attack('PGD-40', 'exact', 0.1, right(20)),
      attack('Estimated gradient', 'estimated', 0.1, right(60)),
    ];
    expect(verdict(result([model('one', null, 190, attacks)]))).toEqual([]);
  });

  it('names the more robust model at each epsilon', () => {
    const sentences = verdict(
      result([
        model('weak', null, 150, [attack('PGD-40', 'exact', 0.1, right(40)), attack('PGD-40', 'exact', 0.2, right(9))]),
        model('strong', 0.5, 150, [
          attack('PGD-40', 'exact', 0.1, right(80)),
          attack('PGD-40', 'exact', 0.2, right(10)),
        ]),
      ]),
    );
    expect(sentences).toEqual([
      'Worst case over all attacks at ε = 0.1: strong (γ = 0.5) 40.0 % and weak 20.0 %. strong (γ = 0.5) is the more robust.',
      'Worst case over all attacks at ε = 0.2: strong (γ = 0.5) 5.0 % and weak 4.5 %. On 200 images that difference may be chance.',
    ]);
  });

  it('counts a tie as no difference', () => {
    const attacks = [attack('PGD-40', 'exact', 0.1, right(50)), attack('Transfer', 'transfer', 0.1, right(50))];
    const tie = result([model('a', null, 150, attacks), model('b', null, 150, attacks)]);
    expect(verdict(tie)).toEqual([
      'Worst case over all attacks at ε = 0.1: a 25.0 % and b 25.0 %. There is no difference.',
    ]);
    expect(headline(tie)).toBe('No clear difference between the models');
  });

  it('uses the samples, not the totals: equal accuracies on different samples are still compared pairwise', () => {
    // Only the estimated attack breaks the first 60; only PGD breaks the last 40.
    const estimated = Array.from({ length: TOTAL }, (_, i) => i >= 60);
    const pgd = Array.from({ length: TOTAL }, (_, i) => i < 160);
    const [sentence] = verdict(
      result([
        model('one', null, 200, [
          attack('PGD-40', 'exact', 0.1, pgd),
          attack('Estimated', 'estimated', 0.1, estimated),
        ]),
      ]),
    );
    // 60 against 40 disagreements: p = 0.057.
    expect(sentence).toContain('may be chance');
  });

  it('warns of a model that sees one class only', () => {
    const stuck = model('stuck', 0.01, 20, [attack('PGD-40', 'exact', 0.1, right(20))]);
    stuck.clean.predictions.fill(3);
    expect(verdict(result([stuck]))[0]).toBe(
      'stuck (γ = 0.01) sees the same class in every image: it has not learned, and its figures mean nothing.',
    );
    expect(headline(result([stuck]))).toBe('stuck (γ = 0.01) did not learn');
  });

  it('finds its headline in the comparison otherwise', () => {
    const at = (first: number, second: number, secondAtLarge = 50): DemoResult =>
      result([
        model('a', null, 190, [
          attack('PGD-40', 'exact', 0.1, right(first)),
          attack('PGD-40', 'exact', 0.2, right(10)),
        ]),
        model('b', null, 190, [
          attack('PGD-40', 'exact', 0.1, right(second)),
          attack('PGD-40', 'exact', 0.2, right(secondAtLarge)),
        ]),
      ]);
    expect(headline(at(100, 150))).toBe('b is the more robust');
    expect(headline(at(150, 100))).toBe('Which model is more robust depends on ε');
    expect(headline(at(150, 100, 11))).toBe('a is the more robust at ε = 0.1');
    expect(headline(result([model('a', null, 190, [attack('PGD-40', 'exact', 0.1, right(9))])]))).toBe(
      'How robust is a?',
    );
  });
});

describe('renderTable', () => {
  it('aligns a line for every figure', () => {
    const lines = renderTable(hiding()).split('\n');
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(
      lines
        .find((line) => line.includes('Transfer from ReLU'))
        ?.split('│')
        .map((cell) => cell.trim()),
    ).toEqual(['', 'Transfer from ReLU', '0.1', '64.0 %', '57.1 – 70.3 %', '128/200', '4.32 M', '0', '12 s', '']);
    expect(lines.filter((line) => line.includes('worst case')).length).toBe(4);
    expect(lines.filter((line) => line.includes('clean')).length).toBe(2);
  });

  it('uses colours only when asked', () => {
    expect(renderTable(hiding())).not.toContain('\u001b');
    expect(renderTable(hiding(), { colors: true })).toContain('\u001b[1m');
  });
});

describe('renderReport', () => {
  const html = renderReport(hiding());

  it('is one file that loads nothing', () => {
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html).not.toMatch(/<script|<link|@import|url\(|https?:/);
    expect(html.length).toBeLessThan(200_000);
  });

  it('escapes what comes from outside', () => {
    expect(html).toContain('invented &#60;data&#62; &#38; more');
    expect(html).toContain('half of the steps are &#60;outside&#62; the ball');
    expect(html).not.toContain('<data>');
  });

  it('draws curves of as many steps as a long training has', () => {
    const long = model('k-WTA', 0.1, 120, [attack('PGD', 'exact', 0.1, right(60))]);
    const steps = 300_000;
    const history = Array.from({ length: steps }, (_, i) => ({ epoch: (3 * (i + 1)) / steps, loss: 1, accuracy: 0.5 }));
    const page = renderReport(result([{ ...long, history }]));
    expect(page.match(/<path class="curve/g)?.length).toBe(2);
    // The axis ends with the last epoch.
    expect(page).toContain('text-anchor="middle">3</text>');
  });

  it('says the verdict and shows every attack, curve, example and fact', () => {
    for (const sentence of verdict(hiding())) expect(html.replaceAll('\u00a0', ' ')).toContain(sentence);
    expect(html.match(/<tr/g)?.length).toBe(2 * (1 + 1 + 5 + 2));
    expect(html.match(/<path class="curve/g)?.length).toBe(4);
    expect(html.match(/<img /g)?.length).toBe(3 * 6);
    expect(html.match(/<dt>What|<dt>(FGSM|PGD-40|Estimated gradient|Transfer from)/g)?.length).toBe(5);
    for (const fact of ['simd-threads, 2 threads', 'this is a test', '2 epochs', '3 min 20 s', 'kwta 0.0.0-test']) {
      expect(html).toContain(fact);
    }
  });

  it('gives every image a text and every header cell a scope', () => {
    for (const [image] of html.matchAll(/<img [^>]*>/g)) expect(image).toMatch(/alt="[^"]+"/);
    for (const [cell] of html.matchAll(/<th[ >][^>]*/g)) expect(cell).toMatch(/scope="(row|col)"/);
    for (const [svg] of html.matchAll(/<svg [^>]*>/g)) expect(svg).toMatch(/aria-label="[^"]+"|aria-hidden="true"/);
  });

  it('draws the report of one model, with what is known of it', () => {
    const { models, pairs: _, findings: __, ...head } = inventedReport();
    const { name, ...own } = models[1];
    const evaluation = evaluationOf({ ...head, ...own }, { name });
    const page = renderReport(evaluation);
    for (const word of [
      'undefined',
      'NaN',
      '<h2>Training',
      '<h2>Examples',
      '<h2>What transfers',
      'Only the first right',
    ]) {
      expect(page).not.toContain(word);
    }
    expect(page).toContain('<h1>kwta: the gradient is hidden, not the weakness</h1>');
    expect(renderTable(evaluation)).toContain('worst case');
  });

  it('leaves out what the run does not have', () => {
    const bare = hiding();
    bare.examples = [];
    for (const one of bare.models) one.history = [];
    const page = renderReport(bare);
    expect(page).not.toContain('<h2>Examples');
    expect(page).not.toContain('<h2>Training');
    expect(page).not.toContain('NaN');
  });
});

describe('a report of several models', () => {
  const share = (correct: number) => accuracyOf(correct, TOTAL);
  const transfer = {
    names: ['relu', 'kwta'],
    matrix: [
      [share(140), share(170)],
      [share(160), share(20)],
    ],
    clean: [share(180), share(170)],
    epsilon: 0.1,
    attack: attacks.pgd(),
    seed: 0,
    warnings: [[], []],
  };
  const evaluation = evaluationOf(inventedReport(), { name: 'unused', transfer });
  const page = renderReport(evaluation);
  const text = page.replaceAll('\u00a0', ' ');

  it('has the findings on top, the gravest first, told apart without colours', () => {
    expect(findingLines(evaluation)).toEqual([
      '✖ Failure (not-attacked) kwta: square could not start',
      '▲ Warning (hidden-gradient) kwta: square breaks more',
      '● Note (few-samples) kwta: only <200> samples',
      '● Note (difference-may-be-chance): or may not',
    ]);
    const places = ['✖', '▲', '●', '<h2>Clean and worst case'].map((sign) => page.indexOf(sign));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(Math.min(...places)).toBeGreaterThan(0);
    expect(page).toContain('only &#60;200&#62; samples');
    expect(page).toContain('<b>left by other</b> 20.12');
  });

  it('says that every check was silent when it was, and nothing when nobody checked', () => {
    const { models, ...rest } = inventedReport();
    const sound = { ...rest, findings: [], models: models.map((model) => ({ ...model, findings: [] })) };
    expect(findingLines(evaluationOf(sound, { name: '' }))).toEqual([
      'No finding: every check of the evaluation was silent.',
    ]);
    expect(findingLines(hiding())).toEqual([]);
    expect(renderReport(hiding())).not.toContain('<h2>Findings');
  });

  it('takes its headline from the findings, and its sentences from what they leave open', () => {
    expect(headline(evaluation)).toBe('kwta: the gradient is hidden, not the weakness');
    expect(verdict(evaluation)).toEqual([
      'Worst case over all attacks at ε = 0.1: relu 70.0 % and kwta 10.0 %. relu is the more robust.',
    ]);
  });

  it('shows how near each attack comes to the closest adversarials, on the page and in the terminal', () => {
    const [, section] = page.match(/<h2>Closest adversarials<\/h2>([\s\S]*?)<\/section>/) ?? [];
    const lines = [
      ['pgd', '–', '0.432', '25.0 %'],
      ['↳ square', '–', '–', '50.0 %'],
      ['all together', '0.07123', '', ''],
    ];
    for (const [label, ...cells] of lines) {
      const data = cells.map((cell) => `<td>${cell}</td>`).join('');
      expect(section.split(`<th scope="row">${label}</th>${data}`)).toHaveLength(3);
    }
    expect(section).toContain('from 0 to\n0.2;');
    const text = renderEnvelope(evaluation);
    expect(text).toMatch(/│ {3}pgd +│ +– │ +0\.432 │ +25\.0 % │/);
    expect(text).toMatch(/│ {3}all together +│ +0\.07123 │/);
  });

  it('draws the curves from the clean accuracy to the radius where nothing is right', () => {
    const [, curve] = page.match(/aria-label="(Accuracy in the worst case[^"]+)"/) ?? [];
    expect(curve).toBe(
      'Accuracy in the worst case over the radius ε: relu is broken at 0.2 and kwta is broken at 0.2.',
    );
    const [, path] = page.match(/<path class="curve model-1" d="([^"]+)"/) ?? [];
    expect(path?.split(/[ML]/).slice(1)).toEqual(['48.0 35.8', '238.0 164.8', '428.0 182.0']);
    expect(page.match(/class="interval-band/g)).toHaveLength(2);
    expect(page).toContain('Square &#60;200 queries&#62;');
  });

  it('has every figure: attacks, those that went on with what was left, differences, transfer, provenance', () => {
    expect(page).toContain('↳ square');
    expect(page).toContain('<th scope="row">first part</th><td colspan="4"></td><td>breaks 9 of 150</td><td>7</td>');
    expect(renderTable(evaluation)).toMatch(/│ {5}first part +│ +│ +│ +│ breaks 9\/150 │ +7 │/);
    expect(renderTable(evaluation)).toMatch(/│ {3}↳ square +│ 0\.1 │/);
    expect(text).toContain('<td>+60.0 points</td><td>+53.0 to +66.0</td><td>120</td><td>0</td><td>&lt; 0.001</td>');
    expect(page.match(/style="--heat: \d+%"/g)).toEqual(
      ['15', '8', '10', '45', '5', '8'].map((heat) => `style="--heat: ${heat}%"`),
    );
    expect(page.match(/<td class="own"/g)).toHaveLength(2);
    expect(renderTransfer(transfer).split('\n')[3]).toMatch(/│ relu +│ 70.0 % │ 85.0 % │/);
    for (const fact of ['SHA-256 dddd', 'SHA-256 7272', 'simd-threads, 2 threads', 'at most 5,000 an image', '(l2)']) {
      expect(page).toContain(fact);
    }
    expect(page).toContain('The Euclidean length of all changes is at most ε');
    for (const word of ['undefined', 'NaN']) expect(page).not.toContain(word);
  });
});

describe('encodePng', () => {
  /** The rows of a PNG's only IDAT chunk, unpacked by zlib. */
  function unpack(png: Uint8Array): number[] {
    const bytes = Buffer.from(png);
    const at = bytes.indexOf('IDAT');
    return Array.from(inflateSync(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at - 4))));
  }

  it('stores grey and RGB rows, clipped to 0 to 1', () => {
    expect(unpack(encodePng([1, 2, 2], [0, 0.5, 1, 7]))).toEqual([0, 0, 128, 0, 255, 255]);
    expect(unpack(encodePng([3, 1, 2], [1, 0, 0, 1, -1, 0.2]))).toEqual([0, 255, 0, 0, 0, 255, 51]);
  });

  it('splits long images into blocks', () => {
    const rows = unpack(encodePng([1, 300, 300], new Float32Array(90_000).fill(1)));
    expect(rows.length).toBe(300 * 301);
    expect(rows.filter((byte) => byte === 255).length).toBe(90_000);
  });

  it('has the checksums that PNG asks for', () => {
    // The end chunk is the same in every PNG.
    expect(Array.from(encodePng([1, 1, 1], [0]).subarray(-12))).toEqual([
      0, 0, 0, 0, 73, 69, 78, 68, 0xae, 0x42, 0x60, 0x82,
    ]);
  });
});
