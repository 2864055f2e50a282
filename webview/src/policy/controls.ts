import { decimals } from '../../../server/src/protocol/index.js';
import { lambdaAt, positionOf, rounded } from '../detail/model.js';
import { el } from '../ui/dom.js';

export interface PolicyControlEvents {
  readonly changed: (beta: number, lambda: number) => void;
  readonly reset: () => void;
}

/** Sliders of beta and lambda; every movement is told at once. */
export class PolicyControls {
  readonly element: HTMLElement;
  private readonly beta = el('input', {
    type: 'range',
    min: 0,
    max: 1,
    step: 0.005,
    'aria-label': 'Price of KL, β',
  });
  private readonly lambda = el('input', {
    type: 'range',
    min: 0,
    max: 1,
    step: 0.005,
    'aria-label': 'Risk aversion, λ',
  });
  private readonly said = [el('output', { class: 'exact' }), el('output', { class: 'exact' })];
  private readonly reset = el('button', { type: 'button', class: 'link' }, 'Reset');
  private range: [strong: number, weak: number] = [0.1, 1];

  constructor(events: PolicyControlEvents) {
    const tell = () =>
      events.changed(
        rounded(this.betaAt(Number(this.beta.value))),
        rounded(lambdaAt(Number(this.lambda.value))),
      );
    this.beta.addEventListener('input', tell);
    this.lambda.addEventListener('input', tell);
    this.reset.addEventListener('click', () => events.reset());
    const row = (text: string, hint: string, slider: HTMLElement, said: HTMLElement) =>
      el('div', { class: 'control', title: hint }, el('span', {}, text), slider, said);
    this.element = el(
      'section',
      { class: 'controls', 'aria-label': 'Training' },
      row(
        'Price of KL β',
        'The policy is the reference times exp(score / β): to the right it goes further from it',
        this.beta,
        this.said[0]!,
      ),
      row(
        'Risk aversion λ',
        'Of the certainty equivalent −log E[exp(−λ r)] / λ; 0 is the mean',
        this.lambda,
        this.said[1]!,
      ),
      this.reset,
    );
  }

  /** To the right is far from the reference: beta falls, on a logarithmic scale. */
  private betaAt(position: number): number {
    const [strong, weak] = this.range;
    return weak * (strong / weak) ** position;
  }

  show(betas: readonly number[], beta: number, lambda: number, changed: boolean): void {
    const [weak, strong] = [betas[0] ?? 1, betas.at(-1) ?? 0.1];
    this.range = [strong, weak];
    const place = Math.log(beta / weak) / Math.log(strong / weak);
    put(this.beta, Math.min(Math.max(place, 0), 1));
    put(this.lambda, positionOf(lambda));
    const [b, l] = [String(rounded(beta)), decimals(lambda, lambda < 10 ? 2 : 0)];
    this.said[0]!.textContent = b;
    this.said[1]!.textContent = l;
    this.beta.setAttribute('aria-valuetext', b);
    this.lambda.setAttribute('aria-valuetext', l);
    this.reset.hidden = !changed;
  }
}

function put(slider: HTMLInputElement, position: number): void {
  if (document.activeElement !== slider) slider.value = String(position);
}
