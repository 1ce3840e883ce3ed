// A chat of which nothing is kept, neither in this browser nor on the server's disk.
import { chats } from '../api/backend';
import type { Message } from '../api/types';
import { Chat } from './chat.svelte';
import type { MessageView } from './view.svelte';

export class TemporaryChat extends Chat {
  override get temporary(): boolean {
    return true;
  }

  protected override async deliverOnce(view: MessageView): Promise<void> {
    this.state = 'ready';
    await this.ask(view.id);
  }

  override async regenerate(view: MessageView, model?: string): Promise<void> {
    const parent = view.record.parent_id;
    this.views = this.views.slice(0, this.views.indexOf(view));
    if (parent !== null) await this.ask(parent, model);
  }

  override async remove(view: MessageView): Promise<void> {
    this.views = this.views.slice(0, this.views.indexOf(view));
    return Promise.resolve();
  }

  private async ask(parent: string, model = this.initial.model ?? ''): Promise<void> {
    const messages = this.views
      .map(({ record: { role, content } }) => ({ role, content }))
      .filter(({ content }) => content !== '');
    const { instructions = '', sampling = {} } = this.initial;
    const answer: Message = await chats.askTemporarily({
      messages,
      ...(model === '' ? {} : { model }),
      ...(instructions === '' ? {} : { instructions }),
      ...(Object.keys(sampling).length === 0 ? {} : { sampling }),
    });
    this.append({ ...answer, parent_id: parent, siblings: [answer.id] });
  }
}
