// Several chats picked in the sidebar.
import { SvelteSet } from 'svelte/reactivity';

export class Selection {
  on = $state(false);
  readonly ids = new SvelteSet<string>();

  start(id?: string): void {
    this.on = true;
    if (id !== undefined) this.ids.add(id);
  }

  toggle(id: string): void {
    if (!this.ids.delete(id)) this.ids.add(id);
  }

  end(): void {
    this.on = false;
    this.ids.clear();
  }
}
