// What the palette can do.
import type { IconName } from '../../components/common/icons';
import { t } from '../i18n/catalogue.svelte';
import { settings } from '../settings.svelte';
import type { App } from './app.svelte';

export interface Command {
  readonly id: string;
  readonly icon: IconName;
  readonly label: string;
  readonly run: () => void;
}

export function commandsOf(app: App): Command[] {
  return [
    { id: 'new', icon: 'newChat', label: t().newChat, run: () => app.newChat() },
    { id: 'temporary', icon: 'ghost', label: t().temporaryChat, run: () => app.toggleTemporary() },
    { id: 'settings', icon: 'gear', label: t().settings, run: () => app.openSettings() },
    { id: 'chat', icon: 'settings', label: t().chatSettings, run: () => (app.panel = 'chat') },
    { id: 'shortcuts', icon: 'keyboard', label: t().shortcuts, run: () => (app.panel = 'shortcuts') },
    ...(app.serverSide
      ? [{ id: 'import', icon: 'upload', label: t().importChats, run: () => app.openSettings('data') } as const]
      : []),
    {
      id: 'theme',
      icon: 'settings',
      label: settings.theme === 'dark' ? t().switchToLight : t().switchToDark,
      run: () => (settings.theme = settings.theme === 'dark' ? 'light' : 'dark'),
    },
    ...app.models.map(({ id }): Command => ({
      id: `model ${id}`,
      icon: 'check',
      label: t().useModel(id),
      run: () => void app.attempt(app.chat.change({ model: id })),
    })),
    ...app.library.projects.map(({ id, name }): Command => ({
      id: `project ${id}`,
      icon: 'folder',
      label: name,
      run: () => app.router.go({ page: 'project', id }),
    })),
  ];
}
