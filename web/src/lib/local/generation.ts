// Answers that this page has the server make, each with its events, so that they can be followed from anywhere in it.
import { RequestFailed } from '../api/failure';
import type { AnswerEvent, Message, Sampling, Usage } from '../api/types';
import { reduceAnswer } from '../chat/answer';
import { streamAnswer, type PromptMessage } from './completions';

export class Generation {
  private readonly events: AnswerEvent[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly abort = new AbortController();

  constructor(
    /** The answer as it stands. */
    public message: Message,
    private readonly changed: (message: Message) => void,
  ) {}

  stop(): void {
    this.abort.abort();
  }

  /** The events behind the first `after`, to the end. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    for (let at = after; ; ) {
      const event = this.events[at];
      if (event !== undefined) {
        at++;
        yield event;
        if (event.type === 'end') return;
      } else {
        await this.more(signal);
      }
    }
  }

  async run(prompt: readonly PromptMessage[], sampling: Sampling): Promise<void> {
    const began = performance.now();
    let answered = 0;
    let usage: Usage | null = null;
    let reason = 'stop';
    const end = (rest: Pick<AnswerEvent & { type: 'end' }, 'status' | 'finish_reason' | 'error'>): void => {
      const now = performance.now();
      this.push({
        type: 'end', ...rest, usage, duration_ms: now - began,
        reasoning_ms: this.message.reasoning === '' ? 0 : (answered || now) - began,
      });
    };
    try {
      for await (const step of streamAnswer(this.message.model, prompt, sampling, this.abort.signal)) {
        if (step.type === 'finish') reason = step.reason;
        else if (step.type === 'usage') usage = step.usage;
        else {
          if (step.type === 'text' && answered === 0) answered = performance.now();
          this.push(step);
        }
      }
      end({ status: 'complete', finish_reason: reason, error: null });
    } catch (error) {
      if (this.abort.signal.aborted) end({ status: 'stopped', finish_reason: null, error: null });
      else end({ status: 'failed', finish_reason: null, error: recordOf(error) });
    }
  }

  private push(event: AnswerEvent): void {
    this.events.push(event);
    this.message = { ...reduceAnswer(this.message, event), last_event: this.events.length };
    for (const wake of this.waiting) wake();
    this.waiting.clear();
    this.changed(this.message);
  }

  private more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.add(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }
}

/** What the page makes the same failure of again. */
function recordOf(error: unknown): { code: string; message: string } {
  if (!(error instanceof RequestFailed)) return { code: 'internal_error', message: '' };
  const { code, kind, detail } = error.failure;
  return { code: code !== '' ? code : kind === 'unreachable' ? 'connection_lost' : 'internal_error', message: detail };
}
