/** The client's side of `train/feed.ts`: reads the batches that the engine asks for, one after another, beside its work. */
import { crc32Text } from '../base/crc32.js';
import { toPlainError } from '../base/errors.js';
import { toPixels } from '../data/dataset.js';
import { inOrder, type RawSamples, readChecked, type StreamedDataset } from '../data/stream.js';
import type { StepBatch } from '../train/batches.js';
import type { FeedInfo, FeedReply, FeedRequest } from '../train/feed.js';
import type { FitSpec } from '../train/spec.js';
import { OrderedBatches, StreamBatches } from '../train/streamBatches.js';

/** Samples that tell a stream from others. */
const looked = 256;

export class Feeder {
  /** For the engine. */
  readonly port: MessagePort;
  readonly #own: MessagePort;
  readonly #batches: StreamBatches;
  #ordered: OrderedBatches | undefined;
  #work: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(
    private readonly stream: StreamedDataset,
    private readonly spec: FitSpec,
  ) {
    const { port1, port2 } = new MessageChannel();
    this.#own = port1;
    this.port = port2;
    this.#batches = new StreamBatches(stream, spec);
    port1.onmessage = ({ data }: MessageEvent<FeedRequest>) => {
      this.#work = this.#work.then(() => this.#answer(data));
    };
  }

  /** What the engine is told. @throws {DataError} when samples cannot be read. */
  async info(): Promise<FeedInfo> {
    const { name, shape, classes, length } = this.stream;
    return { name, shape, classes, length, fingerprint: await fingerprintOf(this.stream) };
  }

  /**
   * Whoever still waits for a batch is told that none comes. Resolves when all that samples come from is closed, which may be
   * never where they do not come.
   */
  async end(): Promise<void> {
    this.#ended = true;
    this.#own.postMessage({
      error: toPlainError(new DOMException('the run has ended', 'AbortError')),
    } satisfies FeedReply);
    await this.#work;
    this.#own.close();
    // What the samples come from may fail to close; nothing depends on it any more.
    await Promise.allSettled([this.#batches.end(), this.#ordered?.end()]);
  }

  async #answer({ kind, at }: FeedRequest): Promise<void> {
    if (this.#ended) return;
    try {
      const batch = kind === 'steps' ? await this.#batches.at(at) : await this.#next(at);
      if (!this.#ended) this.#own.postMessage({ batch } satisfies FeedReply, [batch.x.buffer as ArrayBuffer]);
    } catch (error) {
      this.#ended = true;
      this.#own.postMessage({ error: toPlainError(error) } satisfies FeedReply);
    }
  }

  async #next(at: number): Promise<StepBatch> {
    if (at === 0) {
      await this.#ordered?.end();
      this.#ordered = new OrderedBatches(this.stream, this.spec.batchSize);
    }
    return (this.#ordered as OrderedBatches).next();
  }
}

/** Of samples spread over all, or of the first ones where they come one after another. */
async function fingerprintOf(stream: StreamedDataset): Promise<string> {
  const { length, source } = stream;
  const count = Math.min(length, looked);
  if ('read' in source) {
    const numbers = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
    return textOf(await readChecked(stream, source, numbers));
  }
  // What is read once must not be begun before the training.
  if (!source.restarts) return 'once';
  const first = inOrder(stream, count);
  const { value } = await first.next();
  await first.return();
  return `${textOf(value as RawSamples)}-${source.shuffleBuffer}`;
}

function textOf({ images, labels }: RawSamples): string {
  const parts = [labels, toPixels(images)];
  return parts
    .map(({ buffer, byteOffset, byteLength }) => crc32Text(new Uint8Array(buffer, byteOffset, byteLength)))
    .join('-');
}
