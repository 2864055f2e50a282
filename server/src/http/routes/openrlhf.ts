import { TAILS } from '../../qrm/index.js';
import { scoresOf, valuesOf } from '../model.js';
import { nameIn, oneOf, post, text, texts, type RouteContext } from './context.js';

interface Body {
  readonly query: string | readonly string[];
}

/** OpenRLHF's remote reward model: every key of `extra_logs` ends in the run's logs. */
export function openRlhfRoutes({ app, model, score }: RouteContext): void {
  const options = post(
    "OpenRLHF's remote reward model",
    'OpenRLHF',
    { query: oneOf(text, texts), prompts: {}, labels: {} },
    { required: ['query'] },
  );
  app.post<{ Body: Body }>('/get_reward', options, async (request) => {
    const { query } = request.body;
    const served = model();
    const reward = served.rewardOf(nameIn(request));
    const items = typeof query === 'string' ? [query] : query;
    const scores = scoresOf(
      await score(
        request,
        items.map((item, i) => served.conversationOf(item, i)),
      ),
    );
    const rewards = valuesOf(scores, reward);
    const tails = TAILS.map((name) => [name, valuesOf(scores, served.named(name))]);
    return { rewards, scores: rewards, extra_logs: Object.fromEntries(tails) as object };
  });
}
