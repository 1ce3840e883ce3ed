// What can be done with a chat of the list.
import { conversationExportUrl } from '../../lib/api/library';
import type { Conversation } from '../../lib/api/types';
import { t } from '../../lib/i18n/catalogue.svelte';
import type { App } from '../../lib/shell/app.svelte';
import type { MenuItem } from '../../lib/shell/menu.svelte';
import type { Selection } from '../../lib/shell/selection.svelte';

export function chatMenu(app: App, chat: Conversation, selection: Selection, rename: () => void): MenuItem[] {
  const change = (values: Parameters<typeof app.list.change>[1]): void =>
    void app.attempt(app.list.change(chat.id, values));
  const moves: MenuItem[] = app.library.projects.map(({ id, name }) => ({
    kind: 'choice',
    label: name,
    checked: chat.project_id === id,
    run: () => change({ project_id: chat.project_id === id ? null : id }),
  }));
  return [
    { kind: 'action', label: chat.pinned ? t().unpin : t().pin, icon: 'pin', run: () => change({ pinned: !chat.pinned }) },
    { kind: 'action', label: t().rename, icon: 'edit', run: rename },
    ...(app.serverSide
      ? [
          {
            kind: 'action',
            label: t().exportMarkdown,
            icon: 'download',
            run: () => location.assign(conversationExportUrl(chat.id, 'markdown')),
          } as const,
        ]
      : []),
    { kind: 'action', label: t().selectChats, icon: 'select', run: () => selection.start(chat.id) },
    ...(moves.length > 0 ? [{ kind: 'line' } as const, { kind: 'heading', label: t().projects } as const, ...moves] : []),
    { kind: 'line' },
    { kind: 'action', label: t().archive, icon: 'archive', run: () => app.archiveChats([chat.id]) },
    { kind: 'action', label: t().delete, icon: 'trash', danger: true, run: () => app.deleteChats([chat.id]) },
  ];
}
