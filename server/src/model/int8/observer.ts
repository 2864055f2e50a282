import type { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';
import type { Journal } from '../graph/journal.js';
import { calibrationTokens, LayerObserver, type LayerWeights } from './calibration.js';
import { layerCalibration, type LayerCalibration } from './layer-calibration.js';
import type { LayerReader } from './layer-reader.js';

/** Reads a backbone's layers in turn and sees what their activations are on the built-in conversations. */
export class Observer {
  private constructor(
    private readonly weights: LayerReader,
    private readonly layers: LayerObserver,
    /** Ids that every conversation of this template begins with. */
    readonly prefix: readonly number[],
  ) {}

  /** @param journal of a conversion that is gone on with: its next layer is seen first */
  static async open(
    weights: LayerReader,
    tokenizer: ChatTokenizer,
    journal?: Journal,
  ): Promise<Observer> {
    const tokens = calibrationTokens(tokenizer);
    const { state, step } = journal ?? {};
    const x = state ?? (await weights.embedded(tokens.sequences.flat()));
    const first = state === undefined ? 0 : step!.done;
    const layers = await LayerObserver.create(weights.config, tokens, x, first);
    return new Observer(weights, layers, tokens.prefix);
  }

  /** The weights of a layer, the one after that before, and what was seen. */
  async next(layer: number): Promise<readonly [LayerWeights, LayerCalibration]> {
    const weights = await this.weights.layer(layer);
    return [weights, layerCalibration(await this.layers.observe(weights), this.weights.config)];
  }

  /** What goes into the layer after. */
  get stream(): Float32Array {
    return this.layers.stream;
  }

  close(): Promise<void> {
    return this.layers.release();
  }
}
