"""Responses of a policy with their log-probabilities under it and under the reference."""

import torch


@torch.no_grad()
def sample(model, tokenizer, prompts: list[list[dict]], tokens: int, seed: int, batch: int = 16) -> list[dict]:
    """
    One response to each prompt: completion (messages), length in tokens, logprob and ref_logprob (natural, of the whole
    response), entropy (mean over its tokens, nats). The reference is the model without its adapter, or itself.
    """
    tokenizer.padding_side = "left"
    model.eval()
    out = []
    for at in range(0, len(prompts), batch):
        texts = [
            tokenizer.apply_chat_template(p, add_generation_prompt=True, tokenize=False)
            for p in prompts[at : at + batch]
        ]
        inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        # By place, not by what was drawn before: a run that goes on gives what one at a stretch gives.
        torch.manual_seed(seed * 100_003 + at)
        ids = model.generate(
            **inputs,
            do_sample=True,
            temperature=1.0,
            top_p=1.0,
            top_k=0,
            max_new_tokens=tokens,
            pad_token_id=tokenizer.pad_token_id,
        )
        answers = ids[:, inputs["input_ids"].shape[1] :]
        ended = (answers == tokenizer.eos_token_id).cumsum(1)
        kept = (ended - (answers == tokenizer.eos_token_id).long()) == 0  # up to the end token, and with it
        mask = torch.cat([inputs["attention_mask"], kept.long()], 1)
        logits = scored(model, ids, mask, answers.shape[1])
        logps, entropy = read(logits, answers, kept)
        ref = logps
        if hasattr(model, "disable_adapter"):
            with model.disable_adapter():
                ref, _ = read(scored(model, ids, mask, answers.shape[1]), answers, kept)
        for n in range(len(texts)):
            length = int(kept[n].sum())
            text = tokenizer.decode(answers[n][:length], skip_special_tokens=True)
            out.append(
                {
                    "completion": [{"role": "assistant", "content": text}],
                    "length": length,
                    "logprob": float(logps[n]),
                    "ref_logprob": float(ref[n]),
                    "entropy": float(entropy[n]),
                }
            )
    return out


def scored(model, ids, mask, length):
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return model(input_ids=ids, attention_mask=mask, position_ids=positions).logits[:, -length - 1 : -1]


def read(logits, answers, kept):
    logs = logits.float().log_softmax(-1)
    each = logs.gather(-1, answers.unsqueeze(-1)).squeeze(-1) * kept
    entropy = -(logs.exp() * logs).sum(-1) * kept
    return each.sum(1), entropy.sum(1) / kept.sum(1).clamp(min=1)
